import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { withDefaults } from "../../../components/k3s/args";
import { updateFiles } from "../../../components/k3s/updates";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { Sandbox } from "./sandbox";

/** `k3s.sh keep-up` on machines of one cluster: a real API server, without kubelets; what they would say of their nodes the test says. */
let plane: ControlPlane;
let machines: Map<string, Sandbox>;
let beat: NodeJS.Timeout;

const merge = "application/merge-patch+json";
const always = { packages: "none", from: "00:00", to: "00:00" } as const;
const nodeOf = (name: string) => plane.request("GET", `/api/v1/nodes/${name}`);
const markOf = async (name: string) => (await nodeOf(name)).metadata.annotations?.["homelab.internal/restart"];
const closed = async (name: string) => (await nodeOf(name)).spec.unschedulable === true;
const holder = async () => (await plane.request("GET", "/api/v1/namespaces/kube-system/configmaps/homelab-restart")).data?.node;

async function ready(name: string, status = "True"): Promise<void> {
  const conditions = [{ type: "Ready", status, reason: "Test", lastHeartbeatTime: new Date(Date.now() + 3600_000).toISOString() }];
  await plane.request("PATCH", `/api/v1/nodes/${name}/status`, { status: { conditions } }, merge);
}

async function machine(name: string, updates: object = always): Promise<void> {
  await plane.request("POST", "/api/v1/nodes", { metadata: { name, labels: { "kubernetes.io/hostname": name } } });
  await ready(name);
  await plane.request("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", { metadata: { name }, spec: {} });
  const sandbox = await new Sandbox().open();
  machines.set(name, sandbox);
  const files = updateFiles(withDefaults({ updates }).updates, { drain: "25 seconds" });
  fs.mkdirSync(sandbox.at("/etc/rancher/k3s"), { recursive: true });
  fs.mkdirSync(sandbox.at("/etc/homelab"), { recursive: true });
  fs.writeFileSync(sandbox.at("/etc/homelab/updates.conf"), files[0].content ?? "");
  fs.writeFileSync(sandbox.at("/etc/rancher/k3s/config.yaml"), `node-name: ${name}\n`);
  fs.writeFileSync(sandbox.at("/etc/rancher/k3s/k3s.yaml"), plane.kubeconfig);
  fs.writeFileSync(
    sandbox.at("/usr/local/bin/k3s"),
    `#!/bin/sh\necho "$*" >>${sandbox.at("/var/lib/homelab/k3s.log")}\nshift\nexec ${plane.kubectl} kubectl "$@"\n`,
    { mode: 0o755 },
  );
}

/** The timer of a machine runs once. */
async function tick(name: string): Promise<string> {
  const outcome = await (machines.get(name) as Sandbox).run({ "ready-timeout": "20", "drain-timeout": "20" }, "", "keep-up");
  expect([outcome.code, outcome.stderr]).toEqual([0, expect.any(String)]);
  return outcome.stderr;
}

const waitsForRestart = (name: string) => fs.writeFileSync((machines.get(name) as Sandbox).at("/run/reboot-required"), "");

/** How often a machine was told to restart. */
function restarts(name: string): number {
  const log = (machines.get(name) as Sandbox).at("/var/lib/homelab/systemctl.log");
  const said = fs.existsSync(log) ? fs.readFileSync(log, "utf8") : "";
  return said.split("\n").filter((line) => line === "--no-block reboot").length;
}

/** The machine comes back from its restart. */
function comesBack(name: string): void {
  const sandbox = machines.get(name) as Sandbox;
  fs.rmSync(sandbox.at("/run/reboot-required"), { force: true });
  fs.writeFileSync(sandbox.at("/var/lib/homelab/restarted-from"), "another start\n");
}

beforeAll(async () => {
  plane = await startControlPlane();
}, 300_000);
afterAll(() => plane.stop());

beforeEach(() => {
  machines = new Map();
  beat = setInterval(() => {
    for (const name of machines.keys()) {
      const renewTime = new Date().toISOString().replace("Z", "000Z");
      plane
        .request("PATCH", `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`, { spec: { renewTime } }, merge)
        .catch(() => {});
    }
  }, 500);
});
afterEach(async () => {
  clearInterval(beat);
  await plane.request("DELETE", "/api/v1/namespaces/kube-system/configmaps/homelab-restart");
  for (const [name, sandbox] of machines) {
    await plane.request("DELETE", `/api/v1/nodes/${name}`);
    await plane.request("DELETE", `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`);
    await sandbox.close();
  }
});

describe("machines that wait for a restart", () => {
  it("go one after another: empty, restarted, back in service, and then the next", async () => {
    await machine("node1");
    await machine("node2");
    await tick("node1");
    expect([await markOf("node1"), restarts("node1")]).toEqual([undefined, 0]);

    waitsForRestart("node1");
    waitsForRestart("node2");
    await tick("node1");
    expect([await holder(), await markOf("node1"), await closed("node1"), restarts("node1")]).toEqual(["node1", "granted", true, 1]);
    await tick("node2");
    expect([await holder(), await markOf("node2"), await closed("node2"), restarts("node2")]).toEqual(["node1", "wanted", false, 0]);

    comesBack("node1");
    await tick("node1");
    expect([await holder(), await markOf("node1"), await closed("node1"), restarts("node1")]).toEqual(["node2", undefined, false, 1]);
    expect([await markOf("node2"), await closed("node2")]).toEqual(["granted", true]);
    await tick("node2");
    expect(restarts("node2")).toBe(1);
    comesBack("node2");
    await tick("node2");
    expect([await holder(), await markOf("node2"), await closed("node2")]).toEqual([undefined, undefined, false]);
  });

  it("have the time of homelab:cluster.timeouts.drain to be empty", async () => {
    await machine("node1");
    await machine("node2");
    waitsForRestart("node2");
    await tick("node2");
    const log = (machines.get("node2") as Sandbox).at("/var/lib/homelab/k3s.log");
    const drains = fs
      .readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("kubectl drain"));
    expect(drains).toEqual([expect.stringMatching(/^kubectl drain node2 .*--timeout 25s$/)]);
  });

  it("wait while a node is not Ready or another operation has emptied one, and say so", async () => {
    await machine("node1");
    await machine("node2");
    waitsForRestart("node1");
    await ready("node2", "False");
    expect(await tick("node1")).toContain("node1 waits for its restart: node node2 is not Ready");
    await ready("node2");
    await plane.request("PATCH", "/api/v1/nodes/node2", { metadata: { annotations: { "homelab.internal/cordoned": "upgrade" } } }, merge);
    expect(await tick("node1")).toContain("node1 waits for its restart: node node2 is empty for upgrade");
    expect([await holder(), await markOf("node1"), restarts("node1")]).toEqual([undefined, "wanted", 0]);
  });

  it("keep the others waiting where one does not come back", async () => {
    await machine("node1");
    await machine("node2");
    waitsForRestart("node1");
    await tick("node1");
    await ready("node1", "Unknown");
    waitsForRestart("node2");
    await tick("node2");
    expect([await holder(), await markOf("node2"), restarts("node2")]).toEqual(["node1", "wanted", 0]);
  });

  it("wait for the backup that runs on them", async () => {
    await machine("node1");
    waitsForRestart("node1");
    const running = (machines.get("node1") as Sandbox).at("/var/lib/homelab/active");
    fs.writeFileSync(running, "");
    await tick("node1");
    expect([await markOf("node1"), restarts("node1")]).toEqual(["granted", 0]);
    fs.rmSync(running);
    await tick("node1");
    expect(restarts("node1")).toBe(1);
  });

  it("let another change of their machine go first", async () => {
    await machine("node1");
    waitsForRestart("node1");
    const lock = (machines.get("node1") as Sandbox).at("/var/lib/homelab/machine.lock");
    const other = spawn("flock", ["--no-fork", lock, "sleep", "600"]);
    try {
      while (spawnSync("flock", ["--nonblock", lock, "true"]).status === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await tick("node1")).toContain("another change of this machine is at work");
    } finally {
      other.kill("SIGKILL");
    }
    expect([await holder(), restarts("node1")]).toEqual([undefined, 0]);
  });

  it.each([
    ["outside of their window", { packages: "none", from: "00:00", to: "00:01" }],
    ["where the settings say never", { ...always, restart: "never" }],
  ])("ask for nothing %s", async (_when, updates) => {
    await machine("node1", updates);
    waitsForRestart("node1");
    await tick("node1");
    expect([await holder(), await markOf("node1"), restarts("node1")]).toEqual([undefined, undefined, 0]);
  });
});

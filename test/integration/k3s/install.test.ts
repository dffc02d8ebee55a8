import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { filesOnStdin } from "../../../components/k3s/scripts";
import { Sandbox } from "./sandbox";

const version = "v1.34.1+k3s1";
const files = (config = "node-name: node1\n") =>
  filesOnStdin([
    { path: "/etc/rancher/k3s/config.yaml", mode: "0600", content: config },
    { path: "/etc/rancher/k3s/token", mode: "0600", content: "hush\n" },
    { path: "/etc/rancher/k3s/agent-token", mode: "0600" },
  ]);

let sandbox: Sandbox;
const parameters = (more: Record<string, string> = {}) => ({
  role: "server",
  node: "node1",
  version,
  source: "mirror",
  script: `${sandbox.url}/install.sh`,
  releases: `${sandbox.url}/k3s`,
  mirror: sandbox.url,
  archives: "prometheus",
  "install-timeout": "20",
  "ready-timeout": "20",
  ...more,
});
const systemctl = () => fs.readFileSync(sandbox.at("/var/lib/homelab/systemctl.log"), "utf8").trim().split("\n");
const restarts = () => systemctl().filter((line) => line.startsWith("restart")).length;

beforeEach(async () => {
  sandbox = await new Sandbox().open();
  sandbox.release(version);
});
afterEach(() => sandbox.close());

describe("k3s.sh ready", () => {
  it("says at once that this k3s does not package a component, instead of waiting for it", async () => {
    await sandbox.run(parameters(), files());
    const manifests = sandbox.at("/var/lib/rancher/k3s/server/manifests");
    fs.mkdirSync(path.join(manifests, "metrics-server"), { recursive: true });
    fs.writeFileSync(path.join(manifests, "coredns.yaml"), "");
    const ready = (components: string) =>
      sandbox.run({ components, endpoint: "https://127.0.0.1:1", version, "ready-timeout": "1" }, "", "ready");
    expect((await ready("coredns metrics-server traefik")).stderr).toContain(
      `error: this k3s (k3s version ${version} (00000000)) has no traefik: add it to homelab:cluster.disable\n`,
    );
    // With all that is asked for, it goes on to the API, which nothing serves here.
    expect((await ready("coredns metrics-server")).stderr).toContain("error: the API does not answer at https://127.0.0.1:1");
  });
});

describe("k3s.sh install", () => {
  it("brings everything in place, secrets readable by root only", async () => {
    const outcome = await sandbox.run(parameters(), files());
    expect(outcome).toMatchObject({ code: 0, stdout: `{"node":"node1","version":"${version}"}\n` });
    expect(sandbox.read("/etc/rancher/k3s/token")).toBe("hush\n");
    expect(fs.statSync(sandbox.at("/etc/rancher/k3s/token")).mode & 0o777).toBe(0o600);
    expect(sandbox.read("/var/lib/rancher/k3s/agent/images/prometheus.tar")).toBe("an image");
    expect(sandbox.read("/var/lib/rancher/k3s/agent/images/k3s-airgap-images-amd64.tar")).toBe(`images of ${version}`);
    expect(sandbox.read("/etc/systemd/system/k3s.service")).toContain("[Unit]");
    expect(outcome.stderr).not.toContain("hush");
  });

  it("runs no install script that is not the pinned one", async () => {
    const script = sandbox.files.get("/install.sh")?.content ?? "";
    const digest = (text: string) => createHash("sha256").update(text).digest("hex");
    const wrong = await sandbox.run(parameters({ "pin-script": digest("another") }), files());
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain(`has the checksum ${digest(script)} instead of ${digest("another")}`);
    expect(fs.existsSync(sandbox.at("/etc/systemd/system/k3s.service"))).toBe(false);
    expect(await sandbox.run(parameters({ "pin-script": digest(script) }), files())).toMatchObject({ code: 0 });
    expect(sandbox.read("/etc/systemd/system/k3s.service")).toContain("[Unit]");
  });

  it("imports no images that are not what the release's checksum says, and asks for a list that is newer", async () => {
    const archive = "k3s-airgap-images-amd64.tar";
    const list = `/k3s/${version}/sha256sum-amd64.txt`;
    const right = sandbox.files.get(list)?.content;
    const sum = createHash("sha256").update(`images of ${version}`).digest("hex");
    sandbox.offer(list, `${right}${"0".repeat(64)}  ${archive}\n`);
    const wrong = await sandbox.run(parameters(), files());
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain(`${archive} of k3s ${version} is not what the release's checksum says`);
    expect(fs.existsSync(sandbox.at(`/var/lib/rancher/k3s/agent/images/${archive}`))).toBe(false);
    // The list that the machine has kept is the wrong one.
    sandbox.offer(list, `${right}${sum}  ${archive}\n`);
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
    expect(sandbox.read(`/var/lib/rancher/k3s/agent/images/${archive}`)).toBe(`images of ${version}`);
  });

  it("does nothing the second time: no download, no restart", async () => {
    await sandbox.run(parameters(), files());
    sandbox.requests.length = 0;
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
    expect(sandbox.requests).toEqual([]);
    expect(restarts()).toBe(1);
  });

  it("restarts for a changed config.yaml, a changed image and a changed version, and for nothing else", async () => {
    await sandbox.run(parameters(), files());
    await sandbox.run(parameters({ "ready-timeout": "30" }), files());
    expect(restarts()).toBe(1);
    await sandbox.run(parameters(), files("node-name: node1\ndebug: true\n"));
    expect(restarts()).toBe(2);
    sandbox.offer("/images/prometheus.tar", "another image", new Date("2026-02-02T03:04:05Z"));
    await sandbox.run(parameters(), files("node-name: node1\ndebug: true\n"));
    expect(restarts()).toBe(3);
    sandbox.release("v1.34.2+k3s1");
    expect(await sandbox.run(parameters({ version: "v1.34.2+k3s1" }), files("node-name: node1\ndebug: true\n"))).toMatchObject({
      code: 0,
      stdout: '{"node":"node1","version":"v1.34.2+k3s1"}\n',
    });
    expect(restarts()).toBe(4);
  });

  it("takes files away that are no longer wanted", async () => {
    await sandbox.run(parameters(), `${files()}0600 /etc/rancher/k3s/agent-token aHVzaA==\n`);
    expect(fs.existsSync(sandbox.at("/etc/rancher/k3s/agent-token"))).toBe(true);
    await sandbox.run(parameters(), files());
    expect(fs.existsSync(sandbox.at("/etc/rancher/k3s/agent-token"))).toBe(false);
  });

  it("enables the backups' timer when it comes, and disables it when it goes", async () => {
    const timer = "/etc/systemd/system/homelab-backup.timer";
    await sandbox.run(parameters(), `${files()}0644 ${timer} W1RpbWVyXQo=\n`);
    expect(systemctl()).toContain("enable --now homelab-backup.timer");
    await sandbox.run(parameters(), `${files()}absent ${timer} -\n`);
    expect(systemctl().at(-1)).not.toContain("enable");
    expect(systemctl()).toContain("disable --now homelab-backup.timer");
    expect(restarts()).toBe(1);
  });

  it("ends the agent on a node that becomes a server", async () => {
    fs.mkdirSync(sandbox.at("/etc/systemd/system"), { recursive: true });
    fs.writeFileSync(sandbox.at("/etc/systemd/system/k3s-agent.service"), "[Unit]\n");
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
    expect(systemctl()).toContain("disable --now k3s-agent");
    expect(fs.readdirSync(sandbox.at("/etc/systemd/system"))).toEqual(["k3s.service"]);
    expect(systemctl().indexOf("disable --now k3s-agent")).toBeLessThan(systemctl().findIndex((line) => line.startsWith("restart")));
  });

  it("refuses a binary that is not what the checksums say, and leaves none behind", async () => {
    sandbox.release(version, "0".repeat(64));
    const outcome = await sandbox.run(parameters(), files());
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("instead of 0000");
    expect(fs.readdirSync(sandbox.at("/usr/local/bin"))).toEqual([]);
  });

  it("fetches an executable again that somebody has changed, and no other", async () => {
    const fetched = () => sandbox.requests.filter((name) => name.endsWith("/k3s")).length;
    const binary = sandbox.at("/usr/local/bin/k3s");
    await sandbox.run(parameters(), files());
    await sandbox.run(parameters(), files());
    expect(fetched()).toBe(1);
    // Of the same size: what tells them apart is when it was written.
    const whole = fs.readFileSync(binary, "utf8");
    fs.writeFileSync(binary, whole.replace("+k3s1", "+k3s9"));
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
    expect([fetched(), fs.readFileSync(binary, "utf8")]).toEqual([2, whole]);
  });

  it("refuses a release whose checksum is not the pinned one", async () => {
    const outcome = await sandbox.run(parameters({ "pin-amd64": "1".repeat(64) }), files());
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("homelab:cluster.install.checksums.amd64");
    expect(fs.readdirSync(sandbox.at("/usr/local/bin"))).toEqual([]);
  });

  it.each([
    ["v1.36.5+k3s1", "cannot be upgraded to v1.36.5+k3s1 in one step: set homelab:cluster.version to a v1.35 release first"],
    ["v1.33.5+k3s1", "cannot go back to v1.33.5+k3s1"],
  ])("refuses to go from v1.34.1 to %s", async (other, message) => {
    await sandbox.run(parameters(), files());
    sandbox.release(other);
    const outcome = await sandbox.run(parameters({ version: other }), files());
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    expect(sandbox.read("/usr/local/bin/k3s")).toContain(version);
  });

  it("goes from v1.34 to v1.36 by way of v1.35", async () => {
    await sandbox.run(parameters(), files());
    for (const next of ["v1.35.9+k3s1", "v1.36.5+k3s1"]) {
      sandbox.release(next);
      expect(await sandbox.run(parameters({ version: next }), files())).toMatchObject({
        code: 0,
        stdout: `{"node":"node1","version":"${next}"}\n`,
      });
    }
    expect(sandbox.read("/usr/local/bin/k3s")).toContain("v1.36.5+k3s1");
  });

  it("shows the journal's tail without tokens when the unit does not come", async () => {
    fs.writeFileSync(sandbox.at("/var/lib/homelab/broken"), "");
    const outcome = await sandbox.run(parameters(), files());
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("journal of k3s");
    expect(outcome.stderr).toContain("the unit's last words");
    expect(outcome.stderr).not.toContain("hush");
  });

  it("can be killed at any point and finishes the next time", async () => {
    for (const delay of [20, 60, 120, 200]) {
      const child = sandbox.start(parameters(), files());
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.on("close", resolve) : resolve(0)));
    }
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
    expect(sandbox.read("/etc/rancher/k3s/config.yaml")).toBe("node-name: node1\n");
    expect(fs.readdirSync(sandbox.at("/usr/local/bin"))).toEqual(["k3s"]);
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
  });
});

describe("k3s.sh stage and revert", () => {
  const newer = "v1.35.1+k3s1";

  it("have the next release on the machine before anything is stopped, and use it", async () => {
    await sandbox.run(parameters(), files());
    sandbox.release(newer);
    expect(await sandbox.run(parameters({ version: newer }), "", "stage")).toMatchObject({ code: 0, stdout: `{"version":"${newer}"}\n` });
    expect([restarts(), sandbox.read("/usr/local/bin/k3s").includes(version)]).toEqual([1, true]);
    sandbox.requests.length = 0;
    expect(await sandbox.run(parameters({ version: newer }), files())).toMatchObject({ code: 0 });
    expect(sandbox.requests).not.toContain(`/k3s/${newer}/k3s`);
    expect(sandbox.read("/usr/local/bin/k3s")).toContain(newer);
    expect(fs.readdirSync(sandbox.at("/usr/local/bin"))).toEqual(["k3s"]);
  });

  it.each([
    ["that is not there", "v1.35.7+k3s1", "cannot fetch the checksums of k3s v1.35.7+k3s1"],
    ["two minors away", "v1.36.5+k3s1", "cannot be upgraded to v1.36.5+k3s1 in one step"],
    ["older", "v1.33.1+k3s1", "cannot go back to v1.33.1+k3s1"],
  ])("refuse a release %s, and everything runs on", async (_, other, message) => {
    await sandbox.run(parameters(), files());
    expect(await sandbox.run(parameters({ version: other }), "", "stage")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(message),
    });
    expect([systemctl().filter((line) => line.startsWith("stop")), restarts()]).toEqual([[], 1]);
  });

  it("fetch the executable of an upgrade before the node is emptied", async () => {
    await sandbox.run(parameters(), files());
    fs.writeFileSync(sandbox.at("/etc/rancher/k3s/k3s.yaml"), "kubeconfig");
    // The node would be asked for with kubectl first.
    const outcome = await sandbox.run(parameters({ version: newer }), files());
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining(`cannot fetch the checksums of k3s ${newer}`) });
    expect(outcome.stderr).not.toContain("emptying");
  });

  it("go back to an older release with k3s stopped, so that its datastore can be restored", async () => {
    await sandbox.run(parameters(), files());
    sandbox.release(newer);
    await sandbox.run(parameters({ version: newer }), files());
    expect(await sandbox.run(parameters(), "", "revert")).toMatchObject({ code: 0, stdout: `{"version":"${version}"}\n` });
    expect([systemctl().filter((line) => line === "stop k3s").length, restarts()]).toEqual([1, 2]);
    expect(sandbox.read("/var/lib/rancher/k3s/agent/images/k3s-airgap-images-amd64.tar")).toBe(`images of ${version}`);
    // What comes next finds what it wants.
    expect(await sandbox.run(parameters(), files())).toMatchObject({ code: 0 });
  });
});

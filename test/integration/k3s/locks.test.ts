import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { digest } from "../../../components/k3s/config";
import { nodeFiles } from "../../../components/k3s/files";
import { readAtStart } from "../../../components/k3s/k3s-node";
import { filesOnStdin } from "../../../components/k3s/scripts";
import { Sandbox } from "./sandbox";

const version = "v1.34.1+k3s1";
const secrets = { token: "hush", agentToken: "hush-hush", nodePassword: "hushed" };
const files = nodeFiles("server", 'node-name: "nöde1"\n', { labels: {}, taints: [] }, secrets);
const stdin = filesOnStdin([...files, { path: "/etc/rancher/k3s/registries.yaml", mode: "0600" }]);
const config = digest(readAtStart([...files, { path: "/etc/rancher/k3s/registries.yaml", mode: "0600" }]));

let sandbox: Sandbox;
let children: ChildProcess[];

const install = () => ({
  role: "server",
  node: "node1",
  version,
  config,
  source: "mirror",
  script: `${sandbox.url}/install.sh`,
  releases: `${sandbox.url}/k3s`,
  mirror: sandbox.url,
  archives: "prometheus",
});

/** Every verb that changes something, with what it needs. */
const changes: Record<string, () => Record<string, string>> = {
  install,
  stage: install,
  revert: install,
  "check-restore": () => ({}),
  restore: () => ({}),
  detach: () => ({}),
  rejoin: () => ({ role: "agent", node: "node1" }),
  reset: () => ({ role: "agent" }),
  prepare: () => ({ node: "node2", version }),
  admit: () => ({ node: "node2", version }),
  remove: () => ({ node: "node2" }),
  backup: () => ({}),
};

const lock = (name: string) => sandbox.at(`/var/lib/homelab/${name}.lock`);
const free = (name: string, mode = "--exclusive") => spawnSync("flock", ["--nonblock", mode, lock(name), "true"]).status === 0;

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Somebody else with the lock. */
async function held(name: string, mode: "--exclusive" | "--shared"): Promise<ChildProcess> {
  fs.writeFileSync(lock(name), "restore since this morning\n");
  const holder = spawn("flock", ["--no-fork", mode, lock(name), "sleep", "600"]);
  children.push(holder);
  await waitFor(() => !free(name));
  return holder;
}

/** A verb at work, with what it has said. */
function begun(
  verb: string,
  parameters = changes[verb]?.() ?? {},
): { child: ChildProcess; said: () => string; ended: Promise<number | null> } {
  const child = sandbox.start(parameters, verb === "install" ? stdin : "", verb);
  children.push(child);
  let text = "";
  child.stderr?.on("data", (data) => (text += data));
  return { child, said: () => text, ended: new Promise((resolve) => child.on("close", resolve)) };
}

/** A systemd that restarts units by shell text. */
function systemctl(restart: string): void {
  sandbox.tool(
    "systemctl",
    `case "$1" in
    is-active) [ -e /var/lib/homelab/active ] ;;
    is-failed) false ;;
    show) echo 0 ;;
    restart) ${restart} ;;
    esac`,
  );
}

const waits = "an earlier run of k3s.sh is still at work";

beforeEach(async () => {
  children = [];
  sandbox = await new Sandbox().open();
  sandbox.release(version);
  fs.mkdirSync(sandbox.at("/var/lib/rancher/k3s/server/db/etcd/member"), { recursive: true });
});
afterEach(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
  await sandbox.close();
});

describe("k3s.sh beside an earlier run whose client was killed", () => {
  it.each(Object.keys(changes))("%s waits for a change of the machine, and says for which", async (verb) => {
    await held("machine", "--exclusive");
    const { said } = begun(verb);
    await waitFor(() => said().includes("\n"));
    expect(said()).toMatch(/^an earlier run of k3s\.sh is still at work on \S+: restore since this morning; waiting for its end\n$/);
  });

  it("lets nothing that only looks wait", async () => {
    await held("machine", "--exclusive");
    expect(await sandbox.run({}, "", "list-backups")).toMatchObject({ code: 0, stderr: "" });
  });

  it("installs once more when the first has ended, with none of its steps in between", async () => {
    const log = sandbox.at("/var/lib/homelab/order");
    systemctl("echo begun >>/var/lib/homelab/order; sleep 2; echo done >>/var/lib/homelab/order; touch /var/lib/homelab/active");
    const first = begun("install");
    await waitFor(() => fs.existsSync(log));
    const second = begun("install");
    expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0]);
    expect(second.said()).toContain(`${waits} on`);
    // It finds all as it should be, and restarts nothing.
    expect(fs.readFileSync(log, "utf8")).toBe("begun\ndone\n");
  });

  it("goes on at once when the first is killed, whatever service that has started", async () => {
    // What systemctl starts here is its child: none of systemd's.
    systemctl(
      "sh -c 'echo $$ >/var/lib/homelab/service; exec sleep 600' >/dev/null 2>&1 </dev/null & [ -e /var/lib/homelab/hold ] || touch /var/lib/homelab/active",
    );
    fs.writeFileSync(sandbox.at("/var/lib/homelab/hold"), "");
    const first = begun("install");
    const service = () => Number(fs.readFileSync(sandbox.at("/var/lib/homelab/service"), "utf8"));
    await waitFor(() => fs.existsSync(sandbox.at("/var/lib/homelab/service")) && service() > 0);
    expect(free("machine")).toBe(false);
    first.child.kill("SIGKILL");
    const started = service();
    try {
      fs.rmSync(sandbox.at("/var/lib/homelab/hold"));
      await first.ended;
      const second = begun("install");
      expect([await second.ended, second.said()]).toEqual([0, expect.not.stringContaining(waits)]);
      expect(free("machine")).toBe(true);
      expect(fs.existsSync(`/proc/${started}`)).toBe(true);
    } finally {
      process.kill(started);
      process.kill(service());
    }
  });

  it("waits for what a killed restore has started, which rebuilds the datastore", async () => {
    const stage = path.join(sandbox.folder, "stage");
    fs.mkdirSync(stage);
    fs.writeFileSync(path.join(stage, "token"), "old\n");
    fs.writeFileSync(path.join(stage, "backup.json"), "{}\n");
    const snapshot = Buffer.alloc(4096, "etcd");
    fs.writeFileSync(path.join(stage, "snapshot.db"), Buffer.concat([snapshot, createHash("sha256").update(snapshot).digest()]));
    fs.mkdirSync(sandbox.at("/etc/rancher/k3s"), { recursive: true });
    fs.writeFileSync(sandbox.at("/etc/rancher/k3s/token"), "hush\n");
    const script = '#!/bin/sh\ncase "$1" in server) echo $$ >/var/lib/homelab/rebuild; exec sleep 600 ;; esac\n';
    fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), script, { mode: 0o755 });
    const first = sandbox.start({}, spawnSync("tar", ["-C", stage, "-czf", "-", "."]).stdout, "restore");
    children.push(first);
    const rebuild = sandbox.at("/var/lib/homelab/rebuild");
    await waitFor(() => fs.existsSync(rebuild) && fs.readFileSync(rebuild, "utf8") !== "");
    first.kill("SIGKILL");
    await new Promise((resolve) => first.on("exit", resolve));
    const second = begun("detach");
    await waitFor(() => second.said().includes(waits));
    process.kill(Number(fs.readFileSync(rebuild, "utf8")));
    expect(await second.ended).toBe(0);
  });

  it("says so when the first does not end", async () => {
    await held("machine", "--exclusive");
    fs.mkdirSync(sandbox.at("/etc/homelab"), { recursive: true });
    fs.writeFileSync(sandbox.at("/etc/homelab/backup.conf"), "LOCK_TIMEOUT=1\n");
    expect(await sandbox.run({}, "", "backup")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("(restore since this morning) does not end on"),
    });
  });
});

describe("what is done about a node", () => {
  it.each(["prepare", "admit", "remove"])("is done by one run at a time: %s", async (verb) => {
    await sandbox.run(install(), stdin);
    await held("node-node2", "--exclusive");
    const { said } = begun(verb);
    await waitFor(() => said().includes(waits));
    // Others need not wait for it, and what changes this server does.
    expect(await sandbox.run({ node: "node3", version }, "", "prepare")).toMatchObject({ code: 0, stderr: "" });
    expect([free("machine", "--shared"), free("machine")]).toEqual([true, false]);
  });

  it("waits where another run moves volumes, for its pods have the same names", async () => {
    fs.writeFileSync(
      sandbox.at("/usr/local/bin/k3s"),
      `#!/bin/sh\ncase "$*" in *metadata.name*) echo node2 ;; *conditions*) echo True ;; *"--output json") echo '{"items":[]}' ;; esac\n`,
      { mode: 0o755 },
    );
    await held("machine", "--shared");
    const holder = await held("volumes", "--exclusive");
    const { said, ended } = begun("remove");
    await waitFor(() => said().includes(waits));
    holder.kill("SIGKILL");
    expect(await ended).toBe(0);
  });

  it("lets backups be made meanwhile", async () => {
    await held("machine", "--shared");
    expect((await sandbox.run({}, "", "backup")).stderr).not.toContain(waits);
  });
});

describe("locks", () => {
  it("can be held by nobody but root", async () => {
    await sandbox.run({ node: "node2", version }, "", "prepare");
    for (const name of ["machine", "node-node2"]) {
      expect([name, fs.statSync(lock(name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });
});

describe("files that come on stdin", () => {
  it("change nothing where the connection is cut off before they are all there, wherever that is", async () => {
    for (let at = 0; at < stdin.length - 1; at += 40) {
      expect(await sandbox.run(install(), stdin.slice(0, at))).toMatchObject({
        code: 1,
        stderr: "error: not all files of this machine have arrived: the connection was cut off. Nothing was changed; run it again\n",
      });
    }
    expect(fs.existsSync(sandbox.at("/etc/rancher"))).toBe(false);
    expect(sandbox.requests).toEqual([]);
    expect(await sandbox.run(install(), stdin)).toMatchObject({ code: 0 });
    expect(sandbox.read("/etc/rancher/k3s/token")).toBe("hush\n");
  });
});

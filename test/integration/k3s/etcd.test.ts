import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { restore } from "../../../components/k3s/operations/restore";
import { type Release, revert } from "../../../components/k3s/operations/revert";
import type { Host, Shell } from "../../../components/k3s/operations/shell";
import { calls, killAt } from "./killed";
import { Sandbox } from "./sandbox";

/** A cluster of two servers with embedded etcd. The first one is restored; the other leaves and joins again. */
const older = "v1.34.1+k3s1";
const newer = "v1.35.1+k3s1";
const data = "/var/lib/rancher/k3s/server";
const member = `${data}/db/etcd/member`;
const places = ["db", "db.unfinished-restore", "db.before-restore", "db.before-that", "db.before-that.3", "db.before-that.4"];
const programs = ["tar", "mv", "rm", "cat", "cp", "mkdir", "find", "sha256sum", "chmod", "python3"];

/** Of the places where something may be killed, every nth is tried. With all of them it takes half an hour. */
const STRIDE = 10;

/** k3s, as far as a restore asks: it rebuilds a datastore only where there is none, and no second time without a start in between. */
const k3s = (version: string) => `#!/bin/sh
case "$*" in
--version) echo "k3s version ${version} (0)" ;;
"server --cluster-reset "*)
  [ ! -e ${data}/db/reset-flag ] && [ ! -e ${member} ] || { echo "there is a datastore already"; exit 1; }
  mkdir -p ${member}
  cp "\${3#*=}" ${member}/data.new
  touch ${data}/db/reset-flag
  mv ${member}/data.new ${member}/data
  ;;
"etcd-snapshot save "*)
  mkdir -p "$6"
  cp ${member}/data "$6/homelab-backup-1.part"
  mv "$6/homelab-backup-1.part" "$6/homelab-backup-1"
  ;;
*metadata.name*) echo server1 server2 ;;
*nodeInfo*) echo True ${version} ;;
*conditions*) echo True ;;
esac
`;

/** systemd with the unit k3s, which joins or begins a cluster where it finds no datastore, and notes what it was started with. */
const SYSTEMCTL = `
PATH=/usr/bin:/bin
case "$1" in
is-active) [ -e /var/lib/homelab/active ] ;;
is-failed) false ;;
show) echo 0 ;;
stop) rm -f /var/lib/homelab/active ;;
start | restart)
  rm -f ${data}/db/reset-flag
  if [ ! -d ${member} ]; then
    mkdir -p ${member}
    { grep '^server' /etc/rancher/k3s/config.yaml.d/10-start.yaml || echo a cluster of its own; } >${member}/data
  fi
  touch /var/lib/homelab/active
  ;;
esac
`;

const hosts: Host[] = ["server1", "server2"].map((name, index) => ({
  name,
  role: "server",
  address: `10.0.0.${index + 1}`,
  port: 22,
  user: "homelab",
  privateKey: "",
  hostKey: "",
}));

let sandboxes: Record<string, Sandbox>;
const [first, second] = ["server1", "server2"] as const;
const each = () => Object.entries(sandboxes) as [string, Sandbox][];
const wholeSnapshot = (text: string) => {
  const content = Buffer.alloc(4096, text);
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
};
const backedUp = wholeSnapshot("from the backup");

/** Runs each verb on the machine that it is for. */
const shell: Shell = {
  async run({ name }, command, options) {
    const [, verb, words = ""] = /k3s\.sh (\S+) ?(.*)$/.exec(command) ?? [];
    if (verb === undefined) {
      return Buffer.alloc(0);
    }
    const split = spawnSync("sh", ["-c", `for word in ${words}; do echo "$word"; done`])
      .stdout.toString()
      .trim();
    const parameters = split
      .split("\n")
      .filter(Boolean)
      .map((word) => [word.split("=")[0], word.slice(word.indexOf("=") + 1)]);
    const outcome = await (sandboxes[name] as Sandbox).run(
      { ...Object.fromEntries(parameters), "ready-timeout": "5", "install-timeout": "5" },
      options?.stdin ?? "",
      verb,
    );
    if (outcome.code !== 0) {
      throw new Error(`${name}: ${verb} ended with ${outcome.code}: ${outcome.stderr}`);
    }
    return Buffer.from(outcome.stdout);
  },
};

/** Where what a server had before lies. */
function whereabouts(name: string): string[] {
  return places.filter((place) => {
    const file = (sandboxes[name] as Sandbox).at(`${data}/${place}/etcd/member/data`);
    return fs.existsSync(file) && fs.readFileSync(file, "utf8") === `the owner's on ${name}`;
  });
}

function archiveOf(): Buffer {
  const stage = path.join((sandboxes[first] as Sandbox).folder, "stage");
  fs.mkdirSync(stage);
  fs.writeFileSync(path.join(stage, "token"), "old-token\n");
  fs.writeFileSync(path.join(stage, "backup.json"), '{"kind":"etcd"}\n');
  fs.writeFileSync(path.join(stage, "snapshot.db"), backedUp);
  return spawnSync("tar", ["-C", stage, "-czf", "-", "."]).stdout;
}

/** Puts both machines back to how they were, for the next kill. */
function reset(): void {
  for (const [name, sandbox] of each()) {
    fs.rmSync(sandbox.at("/var/lib/homelab"), { recursive: true, force: true });
    fs.rmSync(sandbox.at("/var/lib/rancher"), { recursive: true, force: true });
    fs.mkdirSync(sandbox.at("/var/lib/homelab"), { recursive: true });
    fs.mkdirSync(sandbox.at(member), { recursive: true });
    fs.writeFileSync(sandbox.at(`${member}/data`), `the owner's on ${name}`);
    fs.mkdirSync(sandbox.at("/etc/rancher/k3s/config.yaml.d"), { recursive: true });
    fs.writeFileSync(sandbox.at("/etc/rancher/k3s/token"), "hush\n");
    fs.writeFileSync(sandbox.at("/etc/rancher/k3s/config.yaml.d/10-start.yaml"), "cluster-init: true\n");
    fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), k3s(newer), { mode: 0o755 });
    fs.writeFileSync(sandbox.at("/var/lib/homelab/active"), "");
    killAt(sandbox, 0, programs);
  }
}

/** Both have what was backed up, and each what it had before. */
function expectRestored(what: unknown): void {
  expect([what, fs.readFileSync((sandboxes[first] as Sandbox).at(`${member}/data`)).equals(backedUp)]).toEqual([what, true]);
  expect([what, sandboxes[second]?.read(`${member}/data`)]).toEqual([what, "server: https://10.0.0.1:6443\n"]);
  for (const [name, sandbox] of each()) {
    expect([what, name, whereabouts(name)]).toEqual([what, name, [expect.stringMatching(/before/)]]);
    expect([what, name, sandbox.read("/etc/rancher/k3s/token")]).toEqual([what, name, "hush\n"]);
    const left = ["db.half-restored", "db.unfinished-restore"].filter((place) => fs.existsSync(sandbox.at(`${data}/${place}`)));
    expect([what, name, left, fs.existsSync(sandbox.at("/var/lib/homelab/active"))]).toEqual([what, name, [], true]);
    expect([what, name, fs.existsSync(sandbox.at("/var/lib/homelab/restore"))]).toEqual([what, name, false]);
  }
}

beforeEach(async () => {
  sandboxes = { [first]: await new Sandbox().open(), [second]: await new Sandbox().open() };
  for (const [, sandbox] of each()) {
    sandbox.tool("systemctl", SYSTEMCTL);
    // The supervisor takes any token; what is fetched comes from the mirror.
    sandbox.tool("curl", 'case "$*" in *https://*) printf 200 ;; *) exec /usr/bin/curl "$@" ;; esac\n');
    for (const version of [older, newer]) {
      const binary = k3s(version);
      const sum = createHash("sha256").update(binary).digest("hex");
      sandbox.offer(`/k3s/${version}/k3s`, binary);
      sandbox.offer(`/k3s/${version}/sha256sum-amd64.txt`, `${sum}  k3s\n`);
      sandbox.offer(`/k3s/${version}/k3s-airgap-images-amd64.tar`, `images of ${version}`);
    }
  }
  reset();
});
afterEach(async () => {
  for (const [, sandbox] of each()) {
    await sandbox.close();
  }
});

/** Kills an operation at each place of either machine, then late, then runs it to its end. */
async function killEverywhere(operation: () => Promise<unknown>, stride: number, check: (what: unknown) => void): Promise<void> {
  await operation();
  check("undisturbed");
  const all = Object.fromEntries(each().map(([name, sandbox]) => [name, calls(sandbox)]));
  for (const name of [first, second]) {
    const most = all[name] as number;
    expect(most).toBeGreaterThan(10);
    for (let nth = 1; nth <= most; nth += stride) {
      reset();
      for (const kill of [nth, Math.max(1, most - nth)]) {
        killAt(sandboxes[name] as Sandbox, kill, programs);
        await operation().catch(() => undefined);
        const there = [first, second].map((server) => whereabouts(server).length);
        expect([name, nth, kill, there]).toEqual([name, nth, kill, [1, 1]]);
      }
      killAt(sandboxes[name] as Sandbox, 0, programs);
      await operation();
      check([name, nth]);
    }
  }
}

describe("a restore of a cluster with etcd", () => {
  it("ends with the backup's data on both servers and keeps what each had, wherever it is killed, and twice", async () => {
    const archive = archiveOf();
    await killEverywhere(() => restore(shell, hosts, archive), STRIDE, expectRestored);
  });

  it("keeps what each server had, however often it is killed after the first one is restored", async () => {
    const archive = archiveOf();
    const without: Shell = {
      run: (host, command, options) =>
        /k3s\.sh ready/.test(command) ? Promise.reject(new Error("killed")) : shell.run(host, command, options),
    };
    for (let round = 0; round < 5; round++) {
      await expect(restore(without, hosts, archive)).rejects.toThrow("killed");
    }
    await restore(shell, hosts, archive);
    for (const name of [first, second]) {
      const kept = fs.readdirSync((sandboxes[name] as Sandbox).at(data)).filter((each) => each.startsWith("db.before"));
      const owners = kept.filter((each) =>
        fs.readFileSync((sandboxes[name] as Sandbox).at(`${data}/${each}/etcd/member/data`), "utf8").startsWith("the owner's"),
      );
      expect([name, owners]).toEqual([name, ["db.before-that.6"]]);
    }
  });
});

describe("a way back to an older release with etcd", () => {
  it("ends with the older release and the data of its time, wherever it is killed, and twice", async () => {
    const archive = archiveOf();
    const back = () => {
      const releaseOf = (sandbox: Sandbox): Release => ({
        version: older,
        install: { source: "mirror", url: sandbox.url },
      });
      return revert(shell, hosts, releaseOf(sandboxes[first] as Sandbox), archive);
    };
    // It ends in the restore above.
    await killEverywhere(back, 2 * STRIDE, (what) => {
      expectRestored(what);
      for (const [name, sandbox] of each()) {
        expect([what, name, sandbox.read("/usr/local/bin/k3s")]).toEqual([what, name, k3s(older)]);
      }
    });
  });
});

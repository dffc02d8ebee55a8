import { createHash } from "node:crypto";
import { UserError } from "../../../components/core/user-error";
import { backup, fetchBackup, listBackups } from "../../../components/k3s/operations/backup";
import { restore } from "../../../components/k3s/operations/restore";
import { type Release, revert, stageRelease } from "../../../components/k3s/operations/revert";
import type { Host, Shell } from "../../../components/k3s/operations/shell";

const host = (name: string, role: Host["role"], address: string): Host => ({
  name,
  role,
  address,
  port: 22,
  user: "homelab",
  privateKey: "",
  hostKey: "",
});
const hosts = [host("agent1", "agent", "10.0.0.4"), host("server1", "server", "10.0.0.1"), host("server2", "server", "10.0.0.2")];
const archive = Buffer.from([0x1f, 0x8b, 8, 0]);

/** Remembers what was run where; `answers` by verb. */
function shellWith(
  answers: Record<string, string | Buffer>,
  unreachable?: string,
): Shell & { ran: string[]; stdin: (Buffer | undefined)[] } {
  const ran: string[] = [];
  const stdin: (Buffer | undefined)[] = [];
  return {
    ran,
    stdin,
    async run({ name }, command, options) {
      if (name === unreachable) {
        throw new Error(`${name} cannot be reached`);
      }
      if (command === "true") {
        return Buffer.alloc(0);
      }
      const [, verb, ...parameters] = /k3s\.sh (\S+) ?(.*)$/.exec(command) as RegExpExecArray;
      ran.push(`${name}: ${[verb, ...parameters].join(" ").trim()}`);
      stdin.push(options?.stdin);
      return Buffer.from(answers[verb] ?? "{}");
    },
  };
}

describe("backup", () => {
  const sha256 = createHash("sha256").update(archive).digest("hex");

  it("is made on a server and checked after the transfer", async () => {
    const shell = shellWith({ backup: JSON.stringify({ name: "b1", bytes: 4, sha256 }), "fetch-backup": archive });
    expect(await backup(shell, hosts)).toEqual({ name: "b1", bytes: 4, sha256, archive });
    expect(shell.ran).toEqual(["server1: backup", "server1: fetch-backup name=b1"]);
  });

  it("is made on another server when the first one is dead", async () => {
    const shell = shellWith({ backup: JSON.stringify({ name: "b1", bytes: 4, sha256 }), "fetch-backup": archive }, "server1");
    await backup(shell, hosts);
    expect(shell.ran).toEqual(["server2: backup", "server2: fetch-backup name=b1"]);
    await expect(backup(shell, hosts.slice(0, 2))).rejects.toThrow("server1 cannot be reached");
  });

  it("is fetched by its name from the server that has it", async () => {
    const shell = shellWith({ "list-backups": '[{"name":"b1","bytes":4,"made":100}]', "fetch-backup": archive });
    expect(await fetchBackup(shell, hosts, "b1")).toEqual(archive);
    expect(shell.ran.at(-1)).toBe("server1: fetch-backup name=b1");
    expect(await fetchBackup(shell, hosts, "b2")).toBeUndefined();
  });

  it("is refused when it changed on its way", async () => {
    const shell = shellWith({ backup: JSON.stringify({ name: "b1", bytes: 4, sha256 }), "fetch-backup": archive.subarray(1) });
    await expect(backup(shell, hosts)).rejects.toThrow("changed on its way");
  });

  it("needs a server", async () => {
    await expect(backup(shellWith({}), [hosts[0]])).rejects.toBeInstanceOf(UserError);
  });

  it("are listed over all servers, newest last", async () => {
    const shell = shellWith({
      "list-backups": JSON.stringify([
        { name: "b2", bytes: 2, made: 200 },
        { name: "b1", bytes: 1, made: 100 },
      ]),
    });
    expect((await listBackups(shell, hosts)).map(({ name, server }) => `${name}@${server}`)).toEqual([
      "b1@server1",
      "b1@server2",
      "b2@server1",
      "b2@server2",
    ]);
  });
});

describe("the list of backups", () => {
  it("leaves a dead server out and says so, and fails when all are dead", async () => {
    const shell = shellWith({ "list-backups": '[{"name":"b1","bytes":4,"made":100}]' }, "server1");
    const said: string[] = [];
    expect((await listBackups(shell, hosts, (line) => said.push(line))).map(({ server }) => server)).toEqual(["server2"]);
    expect(said).toEqual(["not asked: server1 cannot be reached"]);
    await expect(listBackups(shell, hosts.slice(0, 2))).rejects.toThrow("server1 cannot be reached");
  });
});

describe("restore", () => {
  it("takes the other servers out, restores one, lets servers and then agents join it, and waits for all", async () => {
    const shell = shellWith({ restore: '{"kind":"etcd","version":"v1.34.1+k3s1","node":"server1","made":"2026-01-02T03:04:05Z"}' });
    expect(await restore(shell, hosts, archive)).toMatchObject({ kind: "etcd" });
    expect(shell.ran).toEqual([
      "server1: check-restore",
      "server2: detach",
      "server1: restore 'nodes=agent1 server1 server2'",
      "server2: rejoin role=server start=etcd peers=10.0.0.1 node=server2",
      "agent1: rejoin role=agent node=agent1",
      "server1: ready 'nodes=agent1 server1 server2' endpoint=https://10.0.0.1:6443",
    ]);
    expect([shell.stdin[0], shell.stdin[2]]).toEqual([archive, archive]);
    // A virtual address comes up later than the server that holds it, and it is where the stack goes on.
    const virtual = shellWith({ restore: '{"kind":"etcd"}' });
    await restore(virtual, hosts, archive, { endpoint: "https://10.0.0.9:6443" });
    expect(virtual.ran.at(-1)).toBe("server1: ready 'nodes=agent1 server1 server2' endpoint=https://10.0.0.9:6443");
  });

  it("touches nothing while a machine cannot be reached", async () => {
    const shell = shellWith({}, "agent1");
    await expect(restore(shell, hosts, archive)).rejects.toThrow("agent1 cannot be reached");
    expect(shell.ran).toEqual([]);
  });

  it("takes no server out of its cluster for an archive that the first one would refuse", async () => {
    const shell = shellWith({});
    const refusing = (words: string): Shell => ({
      run: (host, command, options) =>
        command.includes("check-restore") ? Promise.reject(new Error(words)) : shell.run(host, command, options),
    });
    await expect(restore(refusing("the backup's datastore is damaged"), hosts, archive)).rejects.toThrow("damaged");
    expect(shell.ran).toEqual([]);
    // The script of an earlier release knows no such word.
    await restore(refusing("server1: usage: k3s.sh install|prepare"), hosts, archive);
    expect(shell.ran[0]).toBe("server2: detach");
  });

  it("touches nothing for a file that is no backup", async () => {
    const shell = shellWith({});
    await expect(restore(shell, hosts, Buffer.from("hello"))).rejects.toThrow("not a backup");
    expect(shell.ran).toEqual([]);
  });
});

describe("a release", () => {
  const online: Release = {
    version: "v1.35.8+k3s1",
    install: { source: "online", script: "https://x/install.sh", releases: "https://x/k3s" },
    checksums: { amd64: "ab" },
  };
  const mirrored: Release = { version: "v1.35.8+k3s1", install: { source: "mirror", url: "http://10.0.0.9" } };

  it("is brought to all machines with what is pinned, and none of them is stopped", async () => {
    const shell = shellWith({});
    await stageRelease(shell, hosts, online);
    expect(shell.ran).toEqual(
      ["agent1 agent", "server1 server", "server2 server"].map((each) => {
        const [node, role] = each.split(" ");
        return `${node}: stage role=${role} node=${node} version=v1.35.8+k3s1 source=online script=https://x/install.sh releases=https://x/k3s pin-amd64=ab`;
      }),
    );
    await expect(stageRelease(shellWith({}, "server1"), hosts, online)).rejects.toThrow("server1 cannot be reached");
  });

  it("that is gone back to is on all machines before the datastore is restored", async () => {
    const shell = shellWith({ restore: '{"kind":"etcd"}' });
    await revert(shell, hosts, mirrored, archive, { endpoint: "https://10.0.0.8:6443" });
    const source = "source=mirror script=http://10.0.0.9/install.sh releases=http://10.0.0.9/k3s mirror=http://10.0.0.9";
    expect(shell.ran.slice(0, 6)).toEqual([
      "server1: check-restore",
      `agent1: revert role=agent node=agent1 version=v1.35.8+k3s1 ${source}`,
      `server1: revert role=server node=server1 version=v1.35.8+k3s1 ${source}`,
      `server2: revert role=server node=server2 version=v1.35.8+k3s1 ${source}`,
      "server1: check-restore",
      "server2: detach",
    ]);
    expect(shell.ran.at(-1)).toBe("server1: ready 'nodes=agent1 server1 server2' endpoint=https://10.0.0.8:6443");
    const dead = shellWith({}, "agent1");
    await expect(revert(dead, hosts, mirrored, archive)).rejects.toThrow("agent1 cannot be reached");
    expect(dead.ran).toEqual([]);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { renderRevocations } from "../../../components/taskserver/revocations";
import { taskServersSettings } from "../../../settings/task-servers";
import { inContainerShell, TaskdOnLoopback } from "./server";

jest.setTimeout(120_000);

const organisations = [
  { name: "Home", users: [{ name: "alice" }, { name: "Bob Builder" }] },
  { name: "Work", users: [{ name: "alice" }] },
];

/** What Taskwarrior says when taskd answers 430. */
const REFUSED = /your credentials are incorrect, or your account doesn't exist/;

describe.each(["ECDSA", "RSA"])("taskd with %s certificates", (algorithm) => {
  let server: TaskdOnLoopback;

  beforeAll(async () => {
    server = await TaskdOnLoopback.create({ organisations, certificates: { algorithm } });
    await server.layOut();
    await server.start();
  });
  afterAll(() => server.destroy());

  test("two clients of one user converge and nobody else sees their tasks", async () => {
    const access = await server.access("Home/alice");
    const [first, second] = [await server.client("a1", access), await server.client("a2", access)];
    const bob = await server.client("b1", await server.access("Home/Bob Builder"));
    const other = await server.client("w1", await server.access("Work/alice"));
    await first.task("add", "water the plants");
    await first.sync(true);
    await second.sync();
    await second.task("add", "pay the rent");
    await second.sync();
    await first.sync();
    await bob.sync();
    await other.sync();
    expect(await first.descriptions()).toEqual(["pay the rent", "water the plants"]);
    expect(await second.descriptions()).toEqual(await first.descriptions());
    expect(await bob.descriptions()).toEqual([]);
    expect(await other.descriptions()).toEqual([]);
  });
});

describe("taskd refuses", () => {
  let server: TaskdOnLoopback;

  beforeAll(async () => {
    server = await TaskdOnLoopback.create({ organisations });
    await server.layOut();
    await server.start();
  });
  afterAll(() => server.destroy());

  test.each([
    ["1.0", false],
    ["1.1", false],
    ["1.2", true],
  ])("TLS %s? It goes on with the handshake: %s", async (version, accepted) => {
    const priority = `NORMAL:-VERS-ALL:+VERS-TLS${version}:%COMPAT`;
    const client = spawn("gnutls-cli", ["--insecure", "--priority", priority, "--port", String(server.port), "127.0.0.1"]);
    let said = "";
    for (const stream of [client.stdout, client.stderr]) {
      stream.on("data", (chunk) => {
        said += chunk;
      });
    }
    client.stdin.end();
    await once(client, "close");
    // The certificate is what a server sends once it has agreed on a version.
    expect({ said, accepted: /Certificate type: X.509/.test(said) }).toEqual({ said, accepted });
  });

  test("a certificate by another authority", async () => {
    const stranger = await TaskdOnLoopback.create({ organisations });
    const device = await server.client("stranger", await server.access("Home/alice", stranger.authority));
    await stranger.destroy();
    await expect(device.sync()).rejects.toThrow(/TLS connection was non-properly terminated/);
    expect(await server.logged(/Handshake failed/)).toMatch(/Handshake failed\. Error in the certificate/);
  });

  test("an expired certificate", async () => {
    const access = await server.access("Home/alice", server.authority, new Date(Date.now() - 3_600_000));
    const device = await server.client("expired", access);
    await expect(device.sync()).rejects.toThrow(/TLS connection was non-properly terminated/);
  });

  test("a right certificate with another user's name", async () => {
    const access = await server.access("Home/alice");
    const credentials = access.taskd!.credentials.replace("Home/alice", "Home/mallory");
    const device = await server.client("forged", { ...access, taskd: { ...access.taskd!, credentials } });
    await expect(device.sync()).rejects.toThrow(REFUSED);
  });

  test("and the client refuses a server whose certificate lacks the name it connects to", async () => {
    const access = await server.access("Home/alice");
    const device = await server.client("misnamed", { ...access, taskd: { ...access.taskd!, server: `localhost:${server.port}` } });
    await expect(device.sync()).rejects.toThrow(/[Hh]andshake|[Cc]ertificate/);
  });
});

describe("revocation", () => {
  test.each(["ECDSA", "RSA"])("a list signed with %s refuses whom it names and nobody else", async (algorithm) => {
    const server = await TaskdOnLoopback.create({ organisations, certificates: { algorithm } });
    try {
      await server.layOut();
      const [alice, bob] = [await server.access("Home/alice"), await server.access("Home/Bob Builder")];
      const list = await renderRevocations({
        authority: server.authority.certificate,
        authorityKey: server.authority.privateKey,
        revoked: [alice.taskd!.certificate],
      });
      await server.write("crl.pem", list);
      await server.layOut();
      await server.start();
      await expect((await server.client("a1", alice)).sync(true)).rejects.toThrow(/TLS connection was non-properly terminated/);
      await (await server.client("b1", bob)).sync(true);
      // A new certificate for the same account is another certificate.
      await (await server.client("a2", await server.access("Home/alice"))).sync(true);
    } finally {
      await server.destroy();
    }
  });

  test("needs the authority's own key", async () => {
    const [one, other] = [await TaskdOnLoopback.create({ organisations }), await TaskdOnLoopback.create({ organisations })];
    const mixed = { authority: one.authority.certificate, authorityKey: other.authority.privateKey, revoked: [] };
    await expect(renderRevocations(mixed)).rejects.toThrow("does not belong to its certificate");
    await one.destroy();
    await other.destroy();
  });
});

describe("accounts", () => {
  test("are added, suspended, resumed, removed, brought back and renamed beside a running taskd, without losing a task", async () => {
    const server = await TaskdOnLoopback.create({ organisations });
    const apply = async (next: unknown) => {
      server.settings = taskServersSettings.parse({ organisations: next });
      await server.layOut();
    };
    try {
      await server.layOut();
      await server.start();
      const before = await server.access("Home/alice");
      const device = await server.client("a1", before);
      await device.task("add", "keep me");
      await device.sync(true);

      await apply([{ name: "Home", users: [{ name: "alice" }, { name: "carol" }] }]);
      await (await server.client("c1", await server.access("Home/carol"))).sync(true);
      await apply([{ name: "Home", users: [{ name: "alice", state: "suspended" }, { name: "Bob Builder" }] }]);
      await expect(device.sync()).rejects.toThrow(/431|suspended/i);
      await apply([{ name: "Home", state: "suspended", users: [{ name: "alice" }] }]);
      await expect(device.sync()).rejects.toThrow(/431|suspended/i);
      await apply([{ name: "Home", users: [{ name: "alice", state: "removed" }] }]);
      await expect(device.sync()).rejects.toThrow(REFUSED);

      await apply([{ name: "Family", formerly: "Home", users: [{ name: "alicia", formerly: "alice" }] }]);
      await expect(device.sync()).rejects.toThrow(REFUSED);
      const renamed = await server.client("a2", await server.access("Family/alicia"));
      await renamed.sync();
      expect(await renamed.descriptions()).toEqual(["keep me"]);

      await apply([{ name: "Family", users: [] }]);
      await expect(renamed.sync()).rejects.toThrow(REFUSED);
      const kept = await readFile(path.join(server.data, "removed", server.keys["Family/alicia"], "tx.data"), "utf8");
      expect(kept).toContain("keep me");
    } finally {
      await server.destroy();
    }
  });
});

describe("probes", () => {
  test("do not connect, and tell a silent connection that holds clients up", async () => {
    const server = await TaskdOnLoopback.create({ organisations });
    try {
      await server.layOut();
      await server.start();
      const device = await server.client("a1", await server.access("Home/alice"));
      await device.sync(true);
      expect(await server.probe("alive")).toEqual({ ok: true, output: "" });
      expect(await server.probe("alive")).toEqual({ ok: true, output: "" });

      const silent = net.connect(server.port, "127.0.0.1");
      await once(silent, "connect");
      const waiting = net.connect(server.port, "127.0.0.1");
      await once(waiting, "connect");
      await server.probe("alive");
      expect(await server.probe("alive")).toEqual({ ok: false, output: "clients wait behind a connection that says nothing\n" });
      silent.destroy();
      waiting.destroy();
      await device.sync();
      expect((await server.probe("alive")).ok).toBe(true);
    } finally {
      await server.destroy();
    }
    expect((await server.probe("ready")).ok).toBe(false);
  });
});

describe("backup and restore", () => {
  const sh = (name: string, ...args: string[]) => inContainerShell(name, args, { PAUSE: "0" });

  test("bring every task back after the volume is lost, taken while clients sync", async () => {
    const server = await TaskdOnLoopback.create({ organisations });
    const backups = path.join(server.folder, "backups");
    await mkdir(backups);
    try {
      await server.layOut();
      await server.start();
      const access = await server.access("Home/alice");
      const device = await server.client("a1", access);
      await device.task("add", "first");
      await device.sync(true);
      const busy = Promise.all([
        sh("backup.sh", server.data, backups, "taskd", "2"),
        device.task("add", "second").then(() => device.sync()),
      ]);
      await busy;
      await device.task("add", "third");
      await device.sync();
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1100));
        await sh("backup.sh", server.data, backups, "taskd", "2");
      }
      expect((await readdir(backups)).filter((name) => name.endsWith(".tar.gz"))).toHaveLength(2);

      await server.stop();
      await rm(server.data, { recursive: true });
      await mkdir(server.data);
      await sh("restore.sh", "ask", server.data, backups, "taskd");
      expect((await sh("restore.sh", "do", server.data, backups)).stdout).toContain("restored taskd-");
      expect((await sh("restore.sh", "do", server.data, backups)).stdout).toBe("");
      await server.layOut();
      await server.start();
      const fresh = await server.client("a2", access);
      await fresh.sync();
      expect(await fresh.descriptions()).toEqual(["first", "second", "third"]);
    } finally {
      await server.destroy();
    }
  });

  test("refuse an archive that is not there, and name those that are", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "homelab-restore-"));
    await writeFile(path.join(folder, "taskd-1.tar.gz"), "");
    await expect(sh("restore.sh", "ask", folder, folder, "taskd", "taskd-2.tar.gz")).rejects.toMatchObject({
      code: 2,
      stdout: expect.stringContaining("taskd-1.tar.gz"),
    });
    await rm(folder, { recursive: true });
  });
});

describe("load", () => {
  // Seconds of work; the limits are for machines that have much else to do.
});

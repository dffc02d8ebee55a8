import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import * as net from "node:net";
import * as path from "node:path";
import * as tls from "node:tls";
import type { UserAccess } from "../../../components/taskserver/taskrc";
import { clientHello } from "../../support/client-hello";
import { GatedTaskd, organisations } from "./gated";
import { TaskdOnLoopback } from "./server";

/** A real taskd behind the real HAProxy, both configured as in the pod. */
jest.setTimeout(180_000);

describe("taskd behind its gate", () => {
  let gated: GatedTaskd;
  const open: net.Socket[] = [];

  /** A connection that says this much and then nothing. */
  async function silent(said: Buffer, localAddress = "127.0.0.1"): Promise<net.Socket> {
    const socket = net.connect({ port: gated.port, host: "127.0.0.1", localAddress });
    open.push(socket);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(said);
    return socket;
  }

  /** Silent connections from an address; those that are refused too. */
  async function flood(localAddress: string, count: number): Promise<net.Socket[]> {
    return Promise.all(Array.from({ length: count }, () => silent(Buffer.alloc(0), localAddress).catch(() => undefined))).then(() =>
      open.slice(-count),
    );
  }

  beforeAll(async () => {
    gated = await GatedTaskd.create();
  });
  afterEach(() => {
    for (const socket of open.splice(0)) {
      socket.destroy();
    }
  });
  afterAll(() => gated.destroy());

  it.each([
    ["nothing at all", Buffer.alloc(0)],
    ["half a ClientHello", clientHello().subarray(0, 40)],
    ["a whole ClientHello", clientHello()],
  ])("serves clients while 100 connections have said %s and no more", async (what, said) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => silent(said)));
    const device = await gated.server.client(`past-${what.replaceAll(" ", "-")}`, gated.through(await gated.server.access("Home/alice")));
    await device.task("add", what);
    await device.sync(true);
    expect(await device.descriptions()).toContain(what);
    expect(sockets.filter((socket) => socket.destroyed)).toEqual([]);
  });

  it("serves clients at once while another address opens more connections than there may be", async () => {
    // Each of them would else have to be waited for until it is closed, and the next ones after that.
    const sockets = await flood("127.0.0.2", 1800);
    const device = await gated.server.client("past-a-flood", gated.through(await gated.server.access("Home/alice")));
    await device.sync(true);
    // The ones that it may have are still waited for: the client was not served after them.
    expect(sockets.filter((socket) => !socket.closed)).toHaveLength(768);
  });

  it("serves others while a client with a right certificate says nothing after the handshake, and closes that one", async () => {
    const { taskd } = await gated.server.access("Home/bob");
    const quiet = tls.connect({ port: gated.port, host: "127.0.0.1", ca: taskd!.ca, cert: taskd!.certificate, key: taskd!.key });
    open.push(quiet);
    await once(quiet, "secureConnect");
    const device = await gated.server.client("past-a-quiet-user", gated.through(await gated.server.access("Home/alice")));
    await device.sync(true);
    quiet.resume();
    await once(quiet, "close");
  });

  it.each([
    ["TLSv1", false],
    ["TLSv1.1", false],
    ["TLSv1.2", true],
    ["TLSv1.3", true],
  ] as const)("%s: spoken %s", async (version, spoken) => {
    const { taskd } = await gated.server.access("Home/bob");
    const socket = tls.connect({
      port: gated.port,
      host: "127.0.0.1",
      ca: taskd!.ca,
      cert: taskd!.certificate,
      key: taskd!.key,
      minVersion: version,
      maxVersion: version,
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const outcome = await new Promise((resolve) => {
      socket.once("secureConnect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    expect(outcome).toBe(spoken);
  });

  it("lets in nobody without a certificate of the lab's authority", async () => {
    const stranger = await TaskdOnLoopback.create({ organisations });
    const access = await gated.server.access("Home/alice", stranger.authority);
    await stranger.destroy();
    const device = await gated.server.client("stranger", gated.through(access));
    await expect(device.sync()).rejects.toThrow(/TLS fatal alert|TLS connection was non-properly terminated/);
  });

  it("lets clients wait while taskd is busy for longer than any handshake may take", async () => {
    const device = await gated.server.client("patient", gated.through(await gated.server.access("Home/bob")));
    await device.task("add", "wait for it");
    gated.server.process?.kill("SIGSTOP");
    const synced = device.sync(true).then(
      () => "synced",
      (error) => String(error),
    );
    await new Promise((resolve) => setTimeout(resolve, 35_000));
    gated.server.process?.kill("SIGCONT");
    expect(await synced).toBe("synced");
  });

  it("lets a client merge as long as it takes, and passes on what taskd answers", async () => {
    const device = await gated.server.client("many", gated.through(await gated.server.access("Home/alice")));
    const tasks = Array.from({ length: 300 }, (_, index) => ({ description: `many ${index} ${"x".repeat(200)}`, status: "pending" }));
    const file = path.join(device.folder, "many.json");
    await writeFile(file, tasks.map((task) => JSON.stringify(task)).join("\n"));
    await device.task("import", file);
    await device.sync(true);
    const other = await gated.server.client("many-too", gated.through(await gated.server.access("Home/alice")));
    await other.sync();
    expect((await other.descriptions()).filter((text) => text.startsWith("many "))).toHaveLength(300);
  });
});

it("keeps out a certificate that was revoked, and no other", async () => {
  let alice: UserAccess | undefined;
  const gated = await GatedTaskd.create(async (server) => {
    alice = await server.access("Home/alice");
    return [alice.taskd!.certificate];
  });
  try {
    const refused = await gated.server.client("a", gated.through(alice as UserAccess));
    await expect(refused.sync(true)).rejects.toThrow(/TLS fatal alert|TLS connection was non-properly terminated/);
    const bob = await gated.server.client("b", gated.through(await gated.server.access("Home/bob")));
    await bob.sync(true);
  } finally {
    await gated.destroy();
  }
});

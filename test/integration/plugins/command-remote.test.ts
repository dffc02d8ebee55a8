import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { provider } from "../../../rig/stand-ins/plugins/command/provider";
import { mapTexts, recordings, title, unordered } from "./recordings";
import { freePort, type SshKey, sshKey, startSshServer } from "./ssh-server";
import { type Recorded, UnderTest } from "./wire";

const calls = recordings("command").filter((call) => call.scenario.startsWith("remote/"));

const folder = () => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "remote-")));

/** Calls broken off because another resource had failed, before the plugin answered. */
const brokenOff = (call: Recorded) => call.error?.some((error) => /code = (Canceled|Unavailable)/.test(error)) ?? false;

/** What the recorder's own computer added to standard error. */
const noise = (call: Recorded) => JSON.stringify(call).includes("pyenv: cannot rehash");

interface Server {
  port: number;
  hostKey: string;
  closedPort: number;
  client: SshKey;
  stranger: SshKey;
  directory: string;
}

/** The recorded call with this run's ports, keys, user and folders. */
function here(recorded: Recorded, server: Server): Recorded {
  const name: string = recorded.request.name ?? "";
  const key = name === "rfail-auth" ? server.stranger.privateKey : server.client.privateKey;
  const hostKey = name === "rfail-hostkey" ? server.stranger.publicKey : server.hostKey;
  const call = mapTexts(recorded, (text) =>
    text
      .replaceAll("$DIR", server.directory)
      .replace("<OPENSSH PRIVATE KEY>", key)
      .replace("ssh-ed25519 <key>\n", hostKey)
      .replace(":2223", `:${server.closedPort}`),
  );
  const ports: Record<number, number> = { 2222: server.port, 2223: server.closedPort };
  const walk = (value: any): any => {
    if (Array.isArray(value)) {
      return value.map(walk);
    }
    if (value === null || typeof value !== "object") {
      return value;
    }
    const mapped = Object.fromEntries(Object.entries(value).map(([field, item]) => [field, walk(item)]));
    return {
      ...mapped,
      ...(typeof mapped.port === "number" ? { port: ports[mapped.port] ?? mapped.port } : {}),
      ...(mapped.user === "root" ? { user: os.userInfo().username } : {}),
    };
  };
  return walk(call);
}

function normal(answer: unknown, call: Recorded): unknown {
  const clock = JSON.stringify(call.request).includes("date +%N");
  const text = JSON.stringify(answer).replace(/"id":"([^"]*?)[0-9a-f]{8}"/, '"id":"$1(8 hex digits)"');
  return JSON.parse(clock ? text.replace(/"stdout":"\d+"/, '"stdout":"(clock)"') : text);
}

const sortedLines = (error: string[] | null) => error?.map((text) => text.split("\n").sort().join("\n")) ?? null;

describe("command over SSH", () => {
  let plugin: UnderTest;
  let server: Server & { stop(): Promise<void> };
  let agent: string | undefined;
  beforeAll(async () => {
    agent = process.env.SSH_AUTH_SOCK;
    delete process.env.SSH_AUTH_SOCK;
    const directory = folder();
    fs.mkdirSync(path.join(directory, "w/r/dir/sub"), { recursive: true });
    for (const file of ["src-1.txt", "src-2.txt", "dir/a.txt", "dir/sub/b.txt"]) {
      fs.writeFileSync(path.join(directory, "w/r", file), `${file}\n`);
    }
    const client = sshKey();
    const started = await startSshServer(directory, client);
    server = { ...started, client, stranger: sshKey(), closedPort: await freePort(), directory };
    plugin = await UnderTest.start(provider);
  });
  afterAll(async () => {
    await plugin.close();
    await server.stop();
    fs.rmSync(server.directory, { recursive: true, force: true });
    if (agent !== undefined) {
      process.env.SSH_AUTH_SOCK = agent;
    }
  });

  const connection = (extra: object = {}) => ({
    host: "127.0.0.1",
    port: server.port,
    user: os.userInfo().username,
    privateKey: server.client.privateKey,
    hostKey: server.hostKey,
    dialErrorLimit: 1,
    ...extra,
  });
  const create = (properties: object, type = "command:remote:Command", more: object = {}) =>
    plugin.call({ method: "Create", request: { urn: `urn:pulumi:s::p::${type}::x`, properties, ...more } });

  describe("the official plugin's recorded calls", () => {
    const replayed = calls.filter((call) => !["Handshake", "GetPluginInfo"].includes(call.method) && !brokenOff(call) && !noise(call));
    it.each(replayed.map((call, index) => [title(call, index), call] as const))("%s", async (_, recorded) => {
      const call = here(recorded, server);
      const answer = await plugin.call(call);
      const expected = unordered({ response: call.response, error: sortedLines(call.error) });
      const actual = unordered({ response: answer.response, error: sortedLines(answer.error) });
      expect(normal(actual, call)).toEqual(normal(expected, call));
    });
  });

  it("runs a script with variables and standard input on a server whose key is pinned", async () => {
    const answer = await create({
      connection: connection(),
      create: "cat; echo $GOOD_A >&2",
      stdin: "given",
      environment: { GOOD_A: "a b" },
    });
    expect(answer.error).toBeNull();
    expect(answer.response?.properties).toMatchObject({ stdout: "given", stderr: "a b" });
  });

  it("does not run a script whose variables the server refuses", async () => {
    const marker = path.join(server.directory, "refused");
    const answer = await create({ connection: connection(), create: `touch ${marker}`, environment: { GOOD_A: "1", OTHER: "1" } });
    expect(answer.error).toEqual(['rpc error: code = Unknown desc = could not set environment variable "OTHER": ssh: setenv failed']);
    expect(fs.existsSync(marker)).toBe(false);
  });

  it("refuses a server with another key", async () => {
    const answer = await create({ connection: connection({ hostKey: server.stranger.publicKey }), create: "true" });
    expect(answer.error?.[0]).toContain("after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch");
  });

  it("goes through a proxy", async () => {
    const proxy = connection();
    const answer = await create({ connection: connection({ proxy }), create: "echo there" });
    expect(answer.response?.properties.stdout).toBe("there");
    const lost = await create({ connection: connection({ proxy: { ...proxy, port: server.closedPort } }), create: "true" });
    expect(lost.error?.[0]).toContain("proxy: after 1 failed attempts: dial tcp");
  });

  it("ends a script at its time limit", async () => {
    const answer = await create({ connection: connection(), create: "sleep 60" }, "command:remote:Command", { timeout: 1 });
    expect(answer.error).toEqual(['rpc error: code = Unknown desc = context deadline exceeded: running "sleep 60":\n']);
  });

  it("reads what a machine prints up to a limit, and fails at once above it", async () => {
    const answer = await create({ connection: connection(), create: "head -c 70000000 /dev/zero | tr '\\0' x; sleep 600" });
    expect(answer.error?.[0]).toContain("it printed more than 64 MiB: running");
    expect(answer.error?.[0].length).toBeLessThan(10_000);
    const right = await create({ connection: connection(), create: "head -c 3000000 /dev/zero | tr '\\0' x" });
    expect(String(right.response?.properties.stdout)).toHaveLength(3_000_000);
  });

  it("does not outlast its time limit on a server that says nothing, nor on a port that is closed", async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as net.AddressInfo;
    const limited = (extra: object) => create({ connection: connection(extra), create: "true" }, "command:remote:Command", { timeout: 1 });
    try {
      expect((await limited({ port })).error?.[0]).toContain("context deadline exceeded: ssh: handshake failed: EOF");
      const closed = await limited({ port: server.closedPort, dialErrorLimit: -1 });
      expect(closed.error?.[0]).toMatch(/context deadline exceeded: dial tcp 127.0.0.1:\d+: connect: connection refused/);
    } finally {
      silent.close();
    }
  });

  it("copies files, texts and folders, and makes the folders on the way", async () => {
    const target = path.join(server.directory, "copied");
    const asset = (fields: object) => ({ "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", ...fields });
    const archive = (fields: object) => ({ "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7", ...fields });
    const sources: [object, string][] = [
      [asset({ text: "hello" }), "deep/er/text"],
      [asset({ path: path.join(server.directory, "w/r/src-1.txt") }), "deep"],
      [archive({ path: path.join(server.directory, "w/r/dir") }), "deep"],
      [archive({ assets: { "one.txt": asset({ text: "1" }) } }), "made"],
    ];
    for (const [source, remotePath] of sources) {
      const answer = await create(
        { connection: connection(), source, remotePath: path.join(target, remotePath) },
        "command:remote:CopyToRemote",
      );
      expect(answer.error).toBeNull();
    }
    const read = (file: string) => fs.readFileSync(path.join(target, file), "utf8");
    expect(read("deep/er/text")).toBe("hello");
    expect(read("deep/src-1.txt")).toBe("src-1.txt\n");
    expect(read("deep/dir/sub/b.txt")).toBe("dir/sub/b.txt\n");
    expect(read("made/one.txt")).toBe("1");
  });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { overSsh } from "../../../cli/drift/hosts";
import { RemoteFailure, ssh } from "../../../components/k3s/operations/shell";
import { type SshKey, sshKey, startSshServer } from "./ssh-server";

/** What a machine prints over SSH is read only as far as it may be long, from a real sshd. */
jest.setTimeout(60_000);

let folder: string;
let server: Awaited<ReturnType<typeof startSshServer>>;
const client: SshKey = sshKey();

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-ssh-limits-"));
  server = await startSshServer(folder, client);
});
afterAll(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

const user = os.userInfo().username;
const connection = () => ({
  host: "127.0.0.1",
  port: server.port,
  user,
  privateKey: client.privateKey,
  hostKey: server.hostKey.trim(),
});
const host = () => ({ ...connection(), name: "node1", role: "server" as const, address: "127.0.0.1" });

it("of a command that prints for ever, one MiB", async () => {
  await expect(overSsh(connection(), "yes")).rejects.toThrow("a command on it printed more than 1 MiB");
});

it("of a command that does not end, nothing after its time", async () => {
  await expect(overSsh(connection(), "echo begun; sleep 600", 1_000)).rejects.toThrow("did not end within 1 s");
});

it("of a command that ends, all", async () => {
  expect(await overSsh(connection(), "seq 3")).toBe("1\n2\n3\n");
});

it("of endless complaints before a failure, the last lines, and of a line without an end its end", async () => {
  const failure: Error = await ssh.run(host(), "seq 20000 >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 3").then(
    () => new Error("none"),
    (error) => error,
  );
  expect(failure).toBeInstanceOf(RemoteFailure);
  expect(failure.message).toContain("20000\n");
  expect(failure.message).not.toContain("\n19950\n");
  expect(failure.message.length).toBeLessThan(5_000);
});

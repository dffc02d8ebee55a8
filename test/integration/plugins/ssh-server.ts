import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { authorizedKey, opensshPrivateKey } from "../../../rig/stand-ins/plugins/tls/openssh";

const SSHD = "/usr/sbin/sshd";

export interface SshKey {
  privateKey: string;
  publicKey: string;
}

export function sshKey(): SshKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey: opensshPrivateKey(privateKey), publicKey: authorizedKey(publicKey) };
}

/** A port that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A real sshd on loopback that lets in `client` and accepts variables named GOOD_*; `within` may put it into namespaces. */
export async function startSshServer(
  directory: string,
  client: SshKey,
  within = (...command: string[]): string[] => command,
): Promise<{ port: number; hostKey: string; stop(): Promise<void> }> {
  if (!fs.existsSync(SSHD)) throw new Error(`${SSHD} is not there; install it with: apt-get install openssh-server`);
  const host = sshKey();
  const file = (name: string, content: string, mode = 0o600) => {
    const full = path.join(directory, name);
    fs.writeFileSync(full, content, { mode });
    return full;
  };
  const port = await freePort();
  if (process.getuid?.() === 0) {
    fs.mkdirSync("/run/sshd", { recursive: true });
  }
  const config = file(
    "sshd_config",
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${file("host_key", host.privateKey)}`,
      `AuthorizedKeysFile ${file("authorized_keys", client.publicKey)}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "AcceptEnv GOOD_*",
      "MaxStartups 100",
      "MaxSessions 100",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  const [program = SSHD, ...words] = within(SSHD, "-D", "-e", "-f", config);
  const server = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  await listening(server, port);
  const stopped = new Promise<void>((resolve) => server.once("close", () => resolve()));
  return {
    port,
    hostKey: host.publicKey,
    stop: async () => {
      server.kill();
      await stopped;
    },
  };
}

function listening(server: ChildProcess, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    server.stderr?.on("data", (data: Buffer) => {
      said += data;
      if (said.includes(`port ${port}`)) {
        resolve();
      }
    });
    server.once("error", reject);
    server.once("close", () => reject(new Error(`sshd ended: ${said}`)));
  });
}

import { Client } from "ssh2";
import { LARGEST_ARCHIVE } from "../../core/limits";
import { UserError } from "../../core/user-error";

/** Lines of stderr that a failure shows, and characters of one. */
const LAST_LINES = 45;
const LONGEST_LINE = 4096;

/** A machine of a lab that is up, from the stack's outputs `machines`, `sshKey` and `sshHostKeys`. */
export interface Host {
  name: string;
  role: "server" | "agent";
  address: string;
  port: number;
  user: string;
  /** OpenSSH PEM. */
  privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
}

/** Runs commands on machines. A line of progress each goes to `progress` as the machine says it. */
export interface Shell {
  run(host: Host, command: string, options?: { stdin?: Buffer; progress?: (line: string) => void }): Promise<Buffer>;
}

/** A command on a machine that did not end well; the message has its last words. */
export class RemoteFailure extends Error {}

/** Over SSH, with pinned host keys. */
export const ssh: Shell = {
  run(host, command, { stdin, progress } = {}) {
    return new Promise((resolve, reject) => {
      const client = new Client();
      const output: Buffer[] = [];
      const errors: string[] = [];
      const fail = (error: Error) => {
        client.end();
        reject(error);
      };
      client.on("error", (error) => fail(unreachable(host, error)));
      client.on("ready", () => {
        client.exec(command, (error, channel) => {
          if (error) {
            fail(error);
            return;
          }
          let code: number | null = null;
          let rest = "";
          let size = 0;
          channel.on("data", (data: Buffer) => {
            size += data.length;
            if (size > LARGEST_ARCHIVE) {
              channel.destroy();
              fail(new RemoteFailure(`${host.name}: the command printed more than ${LARGEST_ARCHIVE >> 20} MiB`));
              return;
            }
            output.push(data);
          });
          channel.stderr.on("data", (data: Buffer) => {
            const lines = (rest + data.toString()).split("\n");
            // The end of a line without an end.
            rest = (lines.pop() ?? "").slice(-LONGEST_LINE);
            for (const line of lines.map((each) => each.slice(0, LONGEST_LINE))) {
              errors.push(line);
              errors.splice(0, errors.length - LAST_LINES);
              progress?.(`${host.name}: ${line}`);
            }
          });
          channel.on("exit", (status: number | null) => {
            code = status;
          });
          channel.on("close", () => {
            client.end();
            if (code === 0) {
              resolve(Buffer.concat(output));
            } else {
              const words = [...errors, rest].filter(Boolean).slice(-LAST_LINES).join("\n");
              reject(new RemoteFailure(`${host.name}: ${words || `the command ended with ${code ?? "a signal"}`}`));
            }
          });
          channel.end(stdin);
        });
      });
      const [, expected] = host.hostKey.split(" ");
      client.connect({
        host: host.address,
        port: host.port,
        username: host.user,
        privateKey: host.privateKey,
        hostVerifier: (key: Buffer) => key.toString("base64") === expected,
        readyTimeout: 20_000,
        keepaliveInterval: 15_000,
      });
    });
  },
};

function unreachable(host: Host, error: Error): UserError {
  return new UserError({
    path: `machine ${host.name}`,
    message: `cannot be reached by SSH at ${host.user}@${host.address}:${host.port}: ${error.message}`,
    fix: "see `./lab status` whether it is Deployed and on; `./lab up` repairs what it can",
  });
}

import type { ClientChannel } from "ssh2";
import type { CallContext } from "../protocol";
import type { Connection } from "./connection";
import { contextError, dial } from "./dial";
import { execute } from "./environment";
import { quote } from "./go";
import { LARGEST_OUTPUT, Outputs } from "./outputs";

export interface RemoteRun {
  script: string;
  connection: Connection;
  environment?: Record<string, string>;
  /** Outputs of the run before, given where the server accepts them. */
  previous?: Record<string, string>;
  stdin?: string;
  logging?: string;
}

/** Signal numbers that SSH names, for the exit status 128 + n. */
const SIGNALS: Record<string, number> = {
  ABRT: 6,
  ALRM: 14,
  FPE: 8,
  HUP: 1,
  ILL: 4,
  INT: 2,
  KILL: 9,
  PIPE: 13,
  QUIT: 3,
  SEGV: 11,
  TERM: 15,
};

/** Runs a script on a machine over SSH; an error tells the script and all it printed. */
export async function runRemote(run: RemoteRun, context: CallContext): Promise<Outputs> {
  const outputs = new Outputs(run.logging, (line) => context.log("info", line));
  const fail = (what: string) => new Error(`${what}: running ${quote(run.script)}:\n${outputs.full ? outputs.last() : outputs.all()}`);
  const { client, end } = await dial(run.connection, context);
  // The library throws where nobody listens; a lost connection shows as an exit without a status.
  client.on("error", () => {});
  const stop = () => client.destroy();
  context.signal.addEventListener("abort", stop);
  try {
    const own = Object.entries(run.environment ?? {});
    const onRefused = (name: string) => {
      context.log(
        "warning",
        `Unable to set '${name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. Alternatively, if a Bash-like shell runs on the remote host, you could prefix the command itself with the variables in the form 'VAR=value command'`,
      );
      if (run.environment && name in run.environment) {
        throw new Error(`could not set environment variable ${quote(name)}: ssh: setenv failed`);
      }
    };
    const variables = [...own, ...Object.entries(run.previous ?? {})];
    const problem = await execute(client, run.script, variables, onRefused, (channel) => follow(channel, outputs, run.stdin));
    outputs.end();
    if (problem !== undefined) {
      throw fail(context.signal.aborted ? contextError(context) : problem);
    }
    return outputs;
  } finally {
    context.signal.removeEventListener("abort", stop);
    end();
  }
}

/** Feeds the command and collects its output until it has ended; what went wrong, or nothing. */
function follow(channel: ClientChannel, outputs: Outputs, stdin: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    let problem: string | undefined = "wait: remote command exited without exit status or exit signal";
    const take = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
      if (outputs.full) {
        return;
      }
      outputs.add(stream, chunk);
      if (outputs.full) {
        // The rest is not read, and nobody waits for its end.
        resolve(`it printed more than ${LARGEST_OUTPUT >> 20} MiB`);
        channel.close();
      }
    };
    channel.on("data", take("stdout"));
    channel.stderr.on("data", take("stderr"));
    channel.on("exit", (code: number | null, signal?: string) => {
      if (signal) {
        const name = signal.replace(/^SIG/, "");
        problem = `Process exited with status ${128 + (SIGNALS[name] ?? 0)} from signal ${name}`;
      } else {
        problem = code === 0 ? undefined : `Process exited with status ${code}`;
      }
    });
    channel.on("error", () => {});
    channel.on("close", () => resolve(problem));
    channel.end(stdin ?? "");
  });
}

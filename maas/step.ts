import { canonical } from "./canonical";
import { MaasClient } from "./client";
import { realClock } from "./clock";
import { MaasError, MaasUnreachable } from "./errors";
import { StepError } from "./step-error";
import { isStepName, type Operation, runStep, stepNames } from "./steps";

/**
 * `node maas/step.cjs <step> <create|update|delete>`: one step of the life cycle of something in MAAS.
 *
 * Desired state as JSON on stdin, MAAS_URL and MAAS_API_KEY in the environment (POWER_PARAMETERS for an enlistment),
 * observed state as one line of JSON on stdout, without anything that changes by itself; progress on stderr. Steps read
 * first and do what is missing, so that any of them can be killed and run again.
 * Exit codes: 0 done, 1 MAAS failed, 2 something for the user to put right.
 */
export async function main(): Promise<void> {
  const [step, operation] = process.argv.slice(2);
  try {
    if (!isStepName(step) || !isOperation(operation)) {
      throw new StepError(`usage: node maas/step.cjs <${stepNames.join("|")}> <create|update|delete>`);
    }
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const client = new MaasClient({ url: environment("MAAS_URL"), apiKey: environment("MAAS_API_KEY"), log });
    const desired = await readStdin();
    const observed = await runStep({ client, clock: realClock, log }, step, operation, desired, process.env);
    if (observed !== undefined) {
      process.stdout.write(`${canonical(observed)}\n`);
    }
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Prints what the user needs of a failure and says the exit code. */
function report(error: unknown): number {
  if (error instanceof StepError) {
    process.stderr.write(`${error.format()}\n`);
    return 2;
  }
  if (error instanceof MaasError) {
    process.stderr.write(`${error.message}\n${hint(error)}`);
    return error.status === 401 || error.status === 403 ? 2 : 1;
  }
  if (error instanceof MaasUnreachable) {
    process.stderr.write(`${error.message}\nwhat to do: see that MAAS runs and that homelab:maas.url is right\n`);
    return 1;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

function hint(error: MaasError): string {
  if (error.status === 401) {
    return "what to do: pulumi config set --secret homelab:maasApiKey, with what `maas apikey --username NAME` prints\n";
  }
  return error.status === 403 ? "what to do: use the API key of an administrator, and unlock the machine if it is locked\n" : "";
}

function isOperation(text: string | undefined): text is Operation {
  return text === "create" || text === "update" || text === "delete";
}

function environment(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new StepError(`the environment variable ${name} is not set`);
  }
  return value;
}

async function readStdin(): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

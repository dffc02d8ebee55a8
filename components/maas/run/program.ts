import { canonical } from "../../core/canonical";
import { LARGEST_INPUT, parseJson, TooMuch } from "../../core/limits";
import { MaasClient } from "../api/client";
import { type Clock, realClock } from "../api/clock";
import { MaasError, MaasUnreachable } from "../api/errors";
import type { Reads } from "../api/region-reads";
import { StepError } from "../api/step-error";
import { isStepName, type Operation, runStep, stepNames } from "../steps";

/** What a step shares with others, or is given by whoever runs it. */
export interface Shared {
  clock?: Clock;
  fetch?: typeof fetch;
  reads?: Reads;
}

/**
 * `node maas/step.cjs <step> <create|update|delete>`: one step of the life cycle of something in MAAS.
 *
 * Desired state as JSON on stdin, MAAS_URL and MAAS_API_KEY in the environment (and further secrets of some steps), MAAS_STACK for
 * what marks things as made by a stack,
 * observed state as one line of JSON on stdout, without anything that changes by itself; progress on stderr. Steps read
 * first and do what is missing, so that any of them can be killed and run again.
 * Exit codes: 0 done, 1 MAAS failed, 2 something for the user to put right.
 */
export async function execute(
  [step, operation]: readonly string[],
  stdin: string,
  environment: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
  shared: Shared = {},
): Promise<{ code: number; stdout: string }> {
  try {
    if (!isStepName(step) || !isOperation(operation)) {
      throw new StepError(`usage: node maas/step.cjs <${stepNames.join("|")}> <create|update|delete>`);
    }
    const { clock = realClock, fetch, reads } = shared;
    const access = { url: required(environment, "MAAS_URL"), apiKey: required(environment, "MAAS_API_KEY") };
    const stack = environment.MAAS_STACK || undefined;
    const client = new MaasClient({ ...access, log: print, clock, fetch });
    const observed = await runStep({ client, clock, log: print, reads, stack }, step, operation, desiredState(stdin), environment);
    return { code: 0, stdout: observed === undefined ? "" : `${canonical(observed)}\n` };
  } catch (error) {
    return { code: report(error, print), stdout: "" };
  }
}

/** Prints what the user needs of a failure and says the exit code. */
function report(error: unknown, print: (line: string) => void): number {
  if (error instanceof StepError) {
    print(error.format());
    return 2;
  }
  if (error instanceof MaasError) {
    print([error.message, hint(error)].filter(Boolean).join("\n"));
    return error.status === 401 || error.status === 403 ? 2 : 1;
  }
  if (error instanceof MaasUnreachable) {
    print(`${error.message}\nwhat to do: see that MAAS runs and that homelab:maas.url is right`);
    return 1;
  }
  // An answer of MAAS that nobody has foreseen, or a mistake in the program: where it happened is for its developers.
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  print(
    process.env.HOMELAB_DEBUG
      ? (stack ?? message)
      : `the step failed: ${message.split("\n")[0].slice(0, 500)}\nwhat to do: run it again; if it stays, set HOMELAB_DEBUG=1 and report what it prints`,
  );
  return 1;
}

function desiredState(stdin: string): object {
  const fix = "run steps by the stack: it writes what they read";
  if (stdin.length > LARGEST_INPUT) {
    throw new StepError(`stdin is larger than ${LARGEST_INPUT >> 20} MiB`, fix);
  }
  let desired: unknown;
  try {
    desired = parseJson(stdin);
  } catch (error) {
    throw new StepError(error instanceof TooMuch ? `the JSON on stdin ${error.message}` : "stdin is not JSON", fix);
  }
  if (typeof desired !== "object" || desired === null || Array.isArray(desired)) {
    throw new StepError("stdin is not a JSON object", fix);
  }
  return desired;
}

/** Operations for which MAAS talks to the machine's BMC. */
const NEEDS_POWER =
  /^machines\/\w+\/\?op=(commission|test|deploy|release|abort|rescue_mode|exit_rescue_mode|power_on|power_off|query_power_state)$/;

function hint(error: MaasError): string {
  if (/rack controller/i.test(error.text)) {
    return "what to do: see why no rack controller is connected: maas $PROFILE rack-controllers read; on it: sudo maas status";
  }
  if ((error.status === 500 || error.status === 503) && NEEDS_POWER.test(error.path)) {
    const machine = error.path.split("/")[1];
    return (
      "what to do: check that the machine's BMC answers at its address, and its user and password, under homelab:machines[].power; " +
      `ask it with: maas $PROFILE machine query-power-state ${machine}; then run up again`
    );
  }
  if (error.status === 503 && /^vm-hosts\/\d+\/\?op=refresh/.test(error.path)) {
    return "what to do: check that the VM host answers at its address, and its project, password or certificate, under homelab:maas.vmHosts; then run up again";
  }
  if (error.status === 503 && /no more ips/i.test(error.text)) {
    return "what to do: make the reserved and dynamic ranges smaller under homelab:network, or release addresses that nobody uses";
  }
  if (error.status === 401) {
    return "what to do: pulumi config set --secret homelab:maasApiKey, with what `maas apikey --username NAME` prints";
  }
  return error.status === 403 ? "what to do: use the API key of an administrator, and unlock the machine if it is locked" : "";
}

function isOperation(text: string | undefined): text is Operation {
  return text === "create" || text === "update" || text === "delete";
}

function required(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = environment[name];
  if (!value) {
    throw new StepError(`the environment variable ${name} is not set`);
  }
  return value;
}

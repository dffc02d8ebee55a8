import { run } from "../engine/process";
import { type Stack, stackHasNo } from "../live/lab-facts";
import { checkout } from "../paths";

/** A resource of the stack's state, secrets in clear: never to be printed. */
export interface StateResource {
  urn: string;
  type: string;
  name: string;
  id?: string;
  inputs: Record<string, any>;
  outputs: Record<string, any>;
}

const SECRET = "4dabf18193072939515e22adb298388d";

/** Values as the program gave them, without the engine's marks of secrets. */
function revealed(value: any): any {
  if (Array.isArray(value)) {
    return value.map(revealed);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (SECRET in value) {
    return typeof value.plaintext === "string" ? revealed(JSON.parse(value.plaintext)) : undefined;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

/** The stack's resources as the engine remembers them. */
export async function readState(stack: Stack): Promise<StateResource[]> {
  const result = await run(stack.engine, ["stack", "export", "--show-secrets", "--stack", stack.stack], {
    env: { ...process.env, ...stack.environment },
    cwd: checkout,
    allowFailure: true,
  });
  if (result.code !== 0) {
    const said = result.stderr.trim().replace(/^error: /, "");
    throw said.startsWith("no stack named")
      ? stackHasNo("state", stack.stack)
      : new Error(`The state of ${stack.stack} cannot be read: ${said}`);
  }
  return resourcesOf(result.stdout);
}

/** The resources of a state as `pulumi stack export --show-secrets` prints it. */
export function resourcesOf(exported: string): StateResource[] {
  const { deployment } = JSON.parse(exported) as { deployment: { resources?: any[] } };
  return (deployment.resources ?? [])
    .filter((resource) => !resource.delete)
    .map(({ urn, type, id, inputs, outputs }) => ({
      urn,
      type,
      id,
      name: String(urn).split("::").slice(3).join("::"),
      inputs: revealed(inputs ?? {}),
      outputs: revealed(outputs ?? {}),
    }));
}

/** A step of the MAAS program as the state has it. */
export interface StepOfState {
  resource: StateResource;
  /** Its name. */
  step: string;
  /** What it was given. */
  desired: object;
  /** What it printed. */
  observed: object;
  /** `project/stack`, where it marks what it makes with that. */
  stack?: string;
}

/** All steps of the MAAS program. */
export function stepsOf(resources: readonly StateResource[]): StepOfState[] {
  return resources
    .filter(({ type }) => type === "command:local:Command")
    .flatMap((resource) => {
      const { create, stdin, environment } = resource.inputs;
      const [, step] = /^node \S*step\.cjs (\S+) create$/.exec(create) ?? [];
      const observed = JSON.parse(resource.outputs.stdout || "{}");
      return step ? [{ resource, step, desired: JSON.parse(stdin), observed, stack: environment?.MAAS_STACK }] : [];
    });
}

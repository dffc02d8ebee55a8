import { run } from "../engine/process";
import type { Stack } from "../live/lab-facts";
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
    throw new Error(`The state of ${stack.stack} could not be read: ${result.stderr.trim()}`);
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

/** The desired state that a step of the MAAS program was given, and what it observed. */
export function stepsOf<Desired, Observed>(resources: readonly StateResource[], step: string) {
  return resources
    .filter(({ type, inputs }) => type === "command:local:Command" && inputs.create === `node maas/step.cjs ${step} create`)
    .map((resource) => ({
      resource,
      desired: JSON.parse(resource.inputs.stdin) as Desired,
      observed: JSON.parse(resource.outputs.stdout || "{}") as Partial<Observed>,
    }));
}

import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonical } from "../core/canonical";
import type { MaasEndpoint } from "./args";
import { stepProgram } from "./step-program";
import type { DesiredOf, StepName } from "./steps";

/** Arguments of {@link stepCommand}. */
export interface StepCommandArgs<S extends StepName> {
  step: S;
  maas: MaasEndpoint;
  /** Desired state, sent as JSON on stdin. */
  desired: pulumi.Input<DesiredOf<S>>;
  /** A change of any of these is a replacement: the old thing is deleted first, as there is only one machine. */
  triggers?: pulumi.Input<string>[];
  /** Further secrets for the step's environment. */
  secrets?: Record<string, pulumi.Input<string>>;
}

/** Steps that make things of the region, and tell by the stack's name what they made. Those of machines have it in their desired state. */
const MARKS: ReadonlySet<StepName> = new Set<StepName>([
  "subnet",
  "range",
  "dhcp",
  "domain",
  "route",
  "reserved-address",
  "group",
  "config",
  "images",
  "ssh-key",
  "script",
  "vm-host",
]);

/** `project/stack`, as MAAS's descriptions and owner data name it. */
export function stackName(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}

/**
 * One step of the step program as a resource. The API key goes through the environment of the child process only; the
 * paths are relative to the project, so that the state is the same in every checkout.
 */
export function stepCommand<S extends StepName>(
  name: string,
  args: StepCommandArgs<S>,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  const { step, maas, desired, triggers, secrets } = args;
  const secretEnvironment = Object.entries(secrets ?? {}).map(([key, value]) => [key, pulumi.secret(value)]);
  const run = `node ${stepProgram()} ${step}`;
  return new command.local.Command(
    name,
    {
      create: `${run} create`,
      update: `${run} update`,
      delete: `${run} delete`,
      stdin: pulumi.output(desired).apply(canonical),
      environment: {
        MAAS_URL: maas.url,
        ...(MARKS.has(step) && { MAAS_STACK: stackName() }),
        MAAS_API_KEY: pulumi.secret(maas.apiKey),
        ...(maas.caFile && { NODE_EXTRA_CA_CERTS: maas.caFile }),
        ...Object.fromEntries(secretEnvironment),
      },
      triggers,
      logging: command.local.Logging.Stderr,
    },
    { ...opts, deleteBeforeReplace: true },
  );
}

/** What the step observed. */
export function observed<T>(step: command.local.Command): pulumi.Output<T> {
  return step.stdout.apply((text) => JSON.parse(text) as T);
}

import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonical } from "../core/canonical";
import type { Inputs } from "../core/inputs";
import type { MaasEndpoint } from "./args/access";
import { stepProgram } from "./step-program";
import type { Step } from "./steps/step";

/** Arguments of {@link stepCommand}. */
export interface StepCommandArgs<Desired, Secrets> {
  maas: MaasEndpoint;
  /** Desired state, sent as JSON on stdin. */
  desired: { [K in keyof Desired]: Inputs<Desired[K]> };
  /** Sent apart from it. */
  secrets?: pulumi.Input<Secrets>;
  /** For what the step's `key` cannot say: a change of any of these is a replacement, too. */
  triggers?: pulumi.Input<string>[];
}

/** `project/stack`, as MAAS's descriptions and owner data name it. */
export function stackName(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}

/**
 * One step of the step program as a resource. The API key goes through the environment of the child process only; the
 * paths are relative to the project, so that the state is the same in every checkout. What is replaced is deleted first, as there is only
 * one machine.
 */
export function stepCommand<Desired extends object, Done, Secrets>(
  step: Step<string, Desired, Done, Secrets>,
  name: string,
  { maas, desired, secrets, triggers }: StepCommandArgs<Desired, Secrets>,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  const run = `node ${stepProgram()} ${step.name}`;
  const key = step.key?.map((field) => desired[field] as pulumi.Input<string>);
  return new command.local.Command(
    name,
    {
      create: `${run} create`,
      update: `${run} update`,
      delete: `${run} delete`,
      stdin: pulumi.output(desired as object).apply(canonical),
      environment: {
        ...environment(maas),
        ...(step.marked && { MAAS_STACK: stackName() }),
        ...(step.secrets && {
          [step.secrets]: pulumi.secret((pulumi.output(secrets) as pulumi.Output<unknown>).apply((inClear) => JSON.stringify(inClear))),
        }),
      },
      triggers: key || triggers ? [...(key ?? []), ...(triggers ?? [])] : undefined,
      logging: command.local.Logging.Stderr,
    },
    { ...opts, deleteBeforeReplace: true },
  );
}

/** What the step observed. */
export function observed<Done>(_step: Step<string, never, Done, never>, resource: command.local.Command): pulumi.Output<Done> {
  return resource.stdout.apply((text) => JSON.parse(text) as Done);
}

/** The answer of a step that only asks, at each preview and each `up`: nothing of it is in the state. */
export function askStep<Desired extends object, Done, Secrets>(
  step: Step<string, Desired, Done, Secrets>,
  { maas, desired }: Pick<StepCommandArgs<Desired, Secrets>, "maas" | "desired">,
): pulumi.Output<Done> {
  const answer = command.local.runOutput({
    command: `node ${stepProgram()} ${step.name} create`,
    stdin: pulumi.output(desired as object).apply(canonical),
    environment: environment(maas),
    logging: command.local.Logging.Stderr,
  });
  // The answer is a secret only because the key that was asked with is one.
  return pulumi.unsecret(answer.stdout.apply((text) => JSON.parse(text) as Done));
}

function environment({ url, apiKey, caFile }: MaasEndpoint): Record<string, pulumi.Input<string>> {
  return { MAAS_URL: url, MAAS_API_KEY: pulumi.secret(apiKey), ...(caFile && { NODE_EXTRA_CA_CERTS: caFile }) };
}

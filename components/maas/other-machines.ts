import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema";
import { canonical } from "../core/canonical";
import type { OtherMachine } from "./steps/others";

/**
 * Machines that MAAS has deployed and that are none of this stack's, as MAAS says at each preview and each `up`: nothing
 * of them is in the state. Undefined where the settings do not ask for them.
 */
export function otherMachines(
  settings: Pick<Settings, "maas" | "machines" | "monitoring">,
  apiKey: pulumi.Input<string>,
): pulumi.Output<OtherMachine[]> | undefined {
  const { maas, machines, monitoring } = settings;
  if (!monitoring.otherMachines.enabled) {
    return undefined;
  }
  const answer = command.local.runOutput({
    command: "node maas/step.cjs others create",
    stdin: canonical({ known: machines.map(({ name }) => name), tag: monitoring.otherMachines.tag }),
    environment: {
      MAAS_URL: maas.url,
      MAAS_API_KEY: pulumi.secret(apiKey),
      ...(maas.caFile && { NODE_EXTRA_CA_CERTS: maas.caFile }),
    },
    logging: command.local.Logging.Stderr,
  });
  // The answer is a secret only because the key that was asked with is one.
  return pulumi.unsecret(answer.stdout.apply((text) => JSON.parse(text) as OtherMachine[]));
}

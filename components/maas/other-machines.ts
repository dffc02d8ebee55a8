import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonical } from "../core/canonical";
import type { MaasEndpoint } from "./args";
import { stepProgram } from "./step-program";
import type { OtherMachine } from "./steps/others";

/**
 * Machines that MAAS has deployed beside those of this stack, as MAAS says at each preview and each `up`: nothing of them is in the
 * state.
 *
 * @param filter.known names of this stack's machines
 * @param filter.tag only machines with this tag in MAAS
 */
export function otherMachines(
  maas: MaasEndpoint,
  { known, tag }: { known: readonly string[]; tag?: string },
): pulumi.Output<OtherMachine[]> {
  const answer = command.local.runOutput({
    command: `node ${stepProgram()} others create`,
    stdin: canonical({ known, tag }),
    environment: {
      MAAS_URL: maas.url,
      MAAS_API_KEY: pulumi.secret(maas.apiKey),
      ...(maas.caFile && { NODE_EXTRA_CA_CERTS: maas.caFile }),
    },
    logging: command.local.Logging.Stderr,
  });
  // The answer is a secret only because the key that was asked with is one.
  return pulumi.unsecret(answer.stdout.apply((text) => JSON.parse(text) as OtherMachine[]));
}

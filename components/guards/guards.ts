import type * as pulumi from "@pulumi/pulumi";
import { enforcement, type Waivers } from "./policy";
import { protection } from "./protection";

/** Arguments of {@link guards}. */
export interface GuardArgs {
  /** By policy: names of resources that need not keep it. Default none. */
  waivers?: Waivers;
  /** Whether a machine or a volume may be lost, by its name. Default: none may. */
  consents?: (subject: string) => boolean;
  /** Texts that no resource may be given in clear, as those of a program's settings (`secretTexts`). Default none. */
  secrets?: readonly string[];
}

/** Protection and policies, as `transformations` of the components of a program. */
export function guards({ waivers = {}, consents = () => false, secrets = [] }: GuardArgs = {}): pulumi.ResourceTransformation[] {
  return [enforcement(waivers, secrets), protection(consents)];
}

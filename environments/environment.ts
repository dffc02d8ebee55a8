import type * as pulumi from "@pulumi/pulumi";
import type { MaasRegion, MachineAccess, Settings } from "../components";

/**
 * How a stack gets its machines. An environment makes the resources that bring them up and hands back the way to reach
 * them; nothing after it knows which one it was.
 */
export type Environment = (settings: Settings, options?: pulumi.ComponentResourceOptions) => Provided;

export interface Provided {
  machines: MachineAccess[];
  /** Of MAAS; secret. */
  apiKey: pulumi.Output<string>;
  /** Where the stack installs MAAS itself. */
  region?: MaasRegion;
}

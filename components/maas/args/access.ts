import type * as pulumi from "@pulumi/pulumi";
import type { Duration } from "../../core/notations";

/** How steps reach MAAS. */
export interface MaasEndpoint {
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: pulumi.Input<string>;
  /** `consumer:token:secret`; a secret. */
  apiKey: pulumi.Input<string>;
  /** File with the certificate authority of MAAS's own TLS, in PEM. */
  caFile?: pulumi.Input<string>;
}

/** What machines need to know of the region that they belong to. */
export interface MaasAccess extends MaasEndpoint {
  /** That the machines share, in CIDR. */
  subnet: pulumi.Input<string>;
  /** Digests of the scripts that the region uploads, by name: a machine that runs one is commissioned again when it changes. */
  scripts: Readonly<Record<string, string>>;
  /** What steps do about machines that are not as the stack left them. */
  repair: RepairOptions;
  /** How long steps wait. */
  waits: WaitOptions;
}

/** What to do about machines that are not as this stack left them. `refuse` stops and prints the command that would repair it. */
export interface RepairOptions {
  /** A machine that failed commissioning. Default `recommission`. */
  failedCommissioning: pulumi.Input<"refuse" | "recommission">;
  /** A machine that failed its tests. Default: as `failedCommissioning`. */
  failedTesting?: pulumi.Input<"refuse" | "recommission" | "ignore">;
  /** A machine that failed deployment. Default `redeploy`. */
  failedDeployment: pulumi.Input<"refuse" | "redeploy">;
  /** A machine that is marked broken. Default `refuse`. */
  broken: pulumi.Input<"refuse" | "fix">;
  /** A machine in rescue mode. Default `refuse`. */
  rescue: pulumi.Input<"refuse" | "exit">;
}

export const REPAIR_DEFAULTS: RepairOptions = {
  failedCommissioning: "recommission",
  failedDeployment: "redeploy",
  broken: "refuse",
  rescue: "refuse",
};

/** How long each wait may last. */
export interface WaitOptions {
  /** For commissioning and testing. Default `45 minutes`. */
  commission: pulumi.Input<Duration>;
  /** For a deployment. Default `45 minutes`. */
  deploy: pulumi.Input<Duration>;
  /** For a release, with its erasing. Default `30 minutes`. */
  release: pulumi.Input<Duration>;
}

export const WAIT_DEFAULTS: WaitOptions = { commission: "45 minutes", deploy: "45 minutes", release: "30 minutes" };

/** What other programs and machines of the house know: a first preview knows none of it. */
import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

/** What the house's inventory answers. */
export interface Answers {
  domain: string;
  ingressAddress: string;
  maas: string;
  k3sVersion: string;
  release: string;
  network: string;
  issuer: string;
  ntfy: string;
  sender: string;
  namespace: string;
  gateway: string;
  dns: string;
  bigIron: string;
  bench1: string;
  bench2: string;
  zone: string;
  kernel: string;
  bmc: string;
  motd: string;
  timezone: string;
  mirror: string;
  apiName: string;
  pool: string;
  registry: string;
  s3: string;
  openDashboards: boolean;
  lock: boolean;
  printers: string[];
}

const asked = new command.local.Command("inventory", { create: "cat inventory.json" });

/** Each answer as an output. */
export const inventory: pulumi.Output<Answers> = asked.stdout.apply((text) => JSON.parse(text) as Answers);

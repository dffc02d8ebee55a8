/** What other programs and machines of the house know: a first preview knows none of it, unless it is in the configuration. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

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
  caFile: string;
  maasHost: string;
  admin: string;
  hostKey: string;
  channel: string;
  rack: string;
  firstAddress: string;
  lastAddress: string;
  printerCard: string;
  architecture: string;
  console: string;
  power: string;
  disk: string;
  diskTest: string;
  editor: string;
  keys: string[];
  vlan: number;
  openDashboards: boolean;
  lock: boolean;
  printers: string[];
}

const known = new pulumi.Config().getObject<Answers>("inventory");
const asked = () => new command.local.Command("inventory", { create: "cat inventory.json" }).stdout;

/** Each answer as an output; known in a preview where the configuration has them. */
export const inventory: pulumi.Output<Answers> = known ? pulumi.output(known) : asked().apply((text) => JSON.parse(text) as Answers);

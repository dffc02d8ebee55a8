/** Two machines through a MAAS that is there: one by its MAC address, one composed on a VM host. */
import { guards, MaasMachine, MaasRegion } from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
const options = { transformations: guards() };
const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });

const region = new MaasRegion(
  "maas",
  {
    url: "https://maas.home.arpa:5443/MAAS",
    apiKey: config.requireSecret("maasApiKey"),
    network: { subnet: "192.168.200.0/24", reservedRanges: [{ start: "192.168.200.1", end: "192.168.200.9", comment: "routers" }] },
    groups: { zones: ["cellar"] },
    defaults: { ntpServers: ["ntp.home.arpa"] },
  },
  options,
);
const shared = { region: region.access, deployKey };
const after = { ...options, dependsOn: region };

const nuc = new MaasMachine(
  "nuc",
  {
    ...shared,
    macAddresses: ["54:b2:03:00:00:01"],
    power: { type: "amt", parameters: { power_address: "192.168.200.2", power_pass: config.requireSecret("amtPassword") } },
    address: "192.168.200.11",
    zone: "cellar",
    release: "noble",
    storage: { layout: "lvm", rootSize: "64 GiB" },
    userData: { packages: ["nfs-common"], timezone: "Europe/Berlin" },
  },
  after,
);
const guest = new MaasMachine(
  "guest",
  { ...shared, compose: { host: "big-iron", memory: "8 GiB" }, commissioning: { tests: ["memtester"] } },
  after,
);

export const addresses = { nuc: nuc.access.address, guest: guest.access.address };
export const sshKey = pulumi.secret(deployKey.privateKeyOpenssh);

/** Two machines of the workshop through MAAS, and k3s on them. */
import {
  type ExternalDatastore,
  type InterfaceArgs,
  K3sCluster,
  MaasMachine,
  MaasRegion,
  type NodeArgs,
  Secret,
  type StorageArgs,
  withNodeExporter,
} from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { inventory } from "./inventory";

const config = new pulumi.Config();

export function workshop(options: pulumi.ComponentResourceOptions) {
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const key = new random.RandomPassword("maas-key", { length: 18 });
  const region = new MaasRegion(
    "maas",
    {
      url: "https://maas.home.arpa:5443/MAAS",
      apiKey: pulumi.interpolate`consumer:token:${key.result}`,
      network: {
        subnet: "192.168.20.0/24",
        gateway: "192.168.20.1",
        dnsServers: ["192.168.20.2"],
        domain: { name: "home.arpa", records: [{ name: "printers", type: "A", data: "192.168.20.1" }] },
      },
      groups: { zones: ["workshop"] },
      defaults: { ntpServers: ["192.168.20.1"], release: "noble", dnsForwarders: ["192.168.20.2"] },
      images: { releases: [{ os: "ubuntu", release: "noble", architectures: ["amd64"] }] },
      sshKeys: [],
      vmHosts: [{ name: "big-iron", type: "lxd", address: "big-iron.home.arpa:8443", password: new Secret("hush-in-the-program") }],
      repair: { broken: "fix" },
      waits: { deploy: "20 minutes" },
    },
    options,
  );
  const after = { ...options, dependsOn: region };
  const interfaces: InterfaceArgs[] = [
    {
      name: "eth0",
      type: "physical",
      macAddress: "54:b2:03:00:00:02",
      links: [{ mode: "static", address: "192.168.20.12", defaultGateway: true }],
    },
  ];
  const storage: StorageArgs = { layout: "lvm", rootSize: "64 GiB" };
  const shared = {
    region: region.access,
    deployKey,
    zone: "workshop",
    release: "noble",
    kernel: "hwe-24.04",
    tags: ["workshop", "workshop"],
    notes: "next to the window",
    storage,
    lock: true,
  };
  const bench1 = new MaasMachine(
    "bench1",
    {
      ...shared,
      macAddresses: ["54:b2:03:00:00:01"],
      power: { type: "amt", parameters: { power_address: inventory.bmc, power_pass: config.requireSecret("amt") } },
      address: "192.168.20.11",
      userData: withNodeExporter({
        packages: ["cups"],
        files: [{ path: "/etc/motd", content: inventory.motd }],
        ntpServers: ["192.168.20.1"],
      }),
    },
    after,
  );
  const bench2 = new MaasMachine(
    "bench2",
    { ...shared, macAddresses: ["54:b2:03:00:00:02"], interfaces, userData: { timezone: "Europe/Berlin" } },
    after,
  );

  const datastore: ExternalDatastore = { endpoint: config.requireSecret("datastore") };
  const nodes: NodeArgs[] = [
    { machine: bench1.access, role: "server", labels: { site: inventory.zone } },
    { machine: bench2.access, role: "agent", taints: ["dedicated=workshop:NoSchedule"] },
  ];
  const cluster = new K3sCluster(
    "workshop",
    {
      nodes,
      version: inventory.k3sVersion,
      source: { source: "mirror", url: inventory.mirror },
      datastore,
      virtualAddress: { provider: "external", address: inventory.apiName },
      addressPool: { addresses: [inventory.pool] },
      tlsSan: [inventory.apiName],
      registries: { mirrors: { "docker.io": { endpoints: [inventory.registry] } }, hosts: {} },
      backups: {
        s3: {
          endpoint: inventory.s3,
          bucket: "workshop",
          accessKey: config.requireSecret("s3Key"),
          secretKey: config.requireSecret("s3Secret"),
        },
      },
      extraConfig: { agent: { "kubelet-arg": ["max-pods=50"] } },
      generations: { token: 2 },
      timeouts: { ready: "5 minutes" },
    },
    options,
  );
  return { region, machines: [bench1, bench2], cluster };
}

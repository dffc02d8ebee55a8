/** Two machines of the workshop through MAAS, and k3s on them: plain is only what decides which resources there are. */
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
      url: inventory.maas,
      apiKey: pulumi.interpolate`consumer:token:${key.result}`,
      caFile: inventory.caFile,
      host: { address: inventory.maasHost, user: inventory.admin, hostKey: inventory.hostKey, privateKey: config.requireSecret("sshKey") },
      install: { channel: inventory.channel, admin: { username: inventory.admin, email: inventory.sender } },
      network: {
        subnet: inventory.network,
        gateway: inventory.gateway,
        dnsServers: [inventory.dns],
        fabric: inventory.zone,
        vlan: inventory.vlan,
        dhcp: true,
        primaryRack: inventory.rack,
        dynamicRanges: [{ start: inventory.firstAddress, end: inventory.lastAddress, comment: inventory.zone }],
        reservedRanges: [{ start: "192.168.20.1", end: "192.168.20.9", comment: inventory.zone }],
        reservedAddresses: [{ address: "192.168.20.50", macAddress: inventory.printerCard }],
        staticRoutes: [{ destination: "10.9.0.0/16", gateway: inventory.gateway, metric: inventory.vlan }],
        domain: {
          name: inventory.domain,
          records: [
            { name: "printers", type: "A", data: inventory.gateway },
            inventory.apply(({ dns }) => ({ name: "dns", type: "A", data: dns })),
          ],
        },
        furtherDomains: [{ name: "guests.home.arpa", records: inventory.printers.apply((names) => names.map(alias)) }],
      },
      groups: { zones: ["workshop"] },
      defaults: {
        ntpServers: [inventory.gateway],
        release: inventory.release,
        dnsForwarders: [inventory.dns],
        proxy: inventory.mirror,
        nodeTimeout: "30 minutes",
      },
      images: {
        source: { url: inventory.mirror, keyring: "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg" },
        releases: [{ os: "ubuntu", release: inventory.release, architectures: [inventory.architecture] }],
      },
      sshKeys: [],
      vmHosts: [
        {
          name: "big-iron",
          type: "lxd",
          address: inventory.bigIron,
          zone: inventory.zone,
          tags: [inventory.zone],
          password: new Secret("hush-in-the-program"),
        },
      ],
      preseeds: [{ prefix: "curtin_userdata", curtin: { webhook: inventory.ntfy, lateCommands: [inventory.motd] } }],
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
      links: [{ mode: "static", subnet: inventory.network, address: inventory.bench2, defaultGateway: true }],
    },
    { name: "eth0.7", type: "vlan", parent: "eth0", vid: inventory.vlan, links: [{ mode: "dhcp" }] },
  ];
  const storage: StorageArgs = { layout: "lvm", rootSize: "64 GiB", rootDevice: inventory.disk };
  const shared = {
    region: region.access,
    deployKey,
    architecture: inventory.architecture,
    zone: inventory.zone,
    pool: inventory.zone,
    domain: inventory.domain,
    release: inventory.release,
    kernel: inventory.kernel,
    kernelOptions: pulumi.interpolate`console=${inventory.console}`,
    tags: ["workshop", inventory.zone],
    notes: pulumi.interpolate`next to ${inventory.zone}`,
    storage,
    lock: inventory.lock,
    hardwareSync: inventory.lock,
  };
  const bench1 = new MaasMachine(
    "bench1",
    {
      ...shared,
      macAddresses: ["54:b2:03:00:00:01"],
      power: { type: inventory.power, parameters: { power_address: inventory.bmc, power_pass: config.requireSecret("amt") } },
      address: inventory.bench1,
      commissioning: { tests: [inventory.diskTest], parameters: { "smartctl-validate": { storage: inventory.disk } } },
      userData: withNodeExporter({
        packages: ["cups", inventory.editor],
        files: [{ path: "/etc/motd", content: inventory.motd }],
        ntpServers: [inventory.gateway],
        users: [{ name: inventory.admin, authorizedKeys: inventory.keys }],
        sysctl: { "vm.swappiness": inventory.vlan },
      }),
      ssh: { authorizedKeys: inventory.keys },
    },
    after,
  );
  const bench2 = new MaasMachine(
    "bench2",
    {
      ...shared,
      macAddresses: ["54:b2:03:00:00:02"],
      power: { type: "ipmi", parameters: inventory.apply(({ bmc, admin }) => ({ power_address: bmc, power_user: admin })) },
      interfaces,
      userData: { timezone: inventory.timezone },
    },
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

/** A printer by its name in the guests' domain. */
function alias(printer: string) {
  return { name: printer, type: "CNAME", data: "printers.home.arpa." };
}

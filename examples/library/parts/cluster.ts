/** Arguments of k3s, each part by its type. */
import {
  type AddressPoolArgs,
  type BackupOptions,
  type Checksums,
  type ClusterNetworkOptions,
  type Duration,
  type ExistingMachineArgs,
  type ExtraConfig,
  existingMachine,
  K3sCluster,
  type K3sClusterArgs,
  type MirrorSource,
  type OnlineSource,
  type PackagedComponent,
  type RegistriesOptions,
  type S3Args,
  type StorageOptions,
  type TimeoutOptions,
  type UpdateOptions,
  type VirtualAddressArgs,
  type Weekday,
} from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const machine: Omit<ExistingMachineArgs, "address"> = {
  user: "lab",
  hostKey: "ssh-ed25519 AAAA",
  privateKey: config.requireSecret("sshKey"),
};
const server = (number: number) => existingMachine(`server${number}`, { ...machine, address: `192.168.200.3${number}` });

const checksums: Checksums = { amd64: "0".repeat(64) };
const online: OnlineSource = { source: "online", checksums };
const mirror: MirrorSource = { source: "mirror", url: "http://192.168.200.1:5248", imageArchives: ["backup-tool"] };
const virtualAddress: VirtualAddressArgs = { provider: "kube-vip", address: "192.168.200.30" };
const addressPool: AddressPoolArgs = { addresses: ["192.168.200.240-192.168.200.250"] };
const network: Partial<ClusterNetworkOptions> = { flannelBackend: "wireguard-native" };
const disable: PackagedComponent[] = ["metrics-server"];
const s3: S3Args = {
  endpoint: "s3.home",
  bucket: "k3s",
  accessKey: config.requireSecret("s3Key"),
  secretKey: config.requireSecret("s3Secret"),
};
const every: Duration = "12 hours";
const backups: Partial<BackupOptions> = { every, s3 };
const days: Weekday[] = ["saturday", "sunday"];
const updates: Partial<UpdateOptions> = { packages: "all", days };
const storage: Partial<StorageOptions> = { onDelete: "retain" };
const registries: Partial<RegistriesOptions> = { mirrors: { "*": { endpoints: ["https://registry.home"] } } };
const serverConfig: ExtraConfig = { "kube-apiserver-arg": ["event-ttl=2h"] };
const timeouts: Partial<TimeoutOptions> = { drain: "2 minutes" };
const args: Omit<K3sClusterArgs, "nodes"> = {
  ...{ virtualAddress, addressPool, network, disable, backups, updates, storage, registries, timeouts, hardening: true },
  source: config.getBoolean("online") ? online : mirror,
  extraConfig: { server: serverConfig },
};
export const cluster = new K3sCluster("k3s", { ...args, nodes: [1, 2, 3].map((number) => ({ machine: server(number), role: "server" })) });

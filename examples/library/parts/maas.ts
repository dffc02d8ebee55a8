/** Arguments of the MAAS components, each part by its type. */
import {
  type AnyInterface,
  type CommandArgs,
  type CommissioningOptions,
  type ComposeArgs,
  type CurtinArgs,
  type DefaultsArgs,
  type DiskArgs,
  type DomainArgs,
  type FilesystemArgs,
  type ImagesArgs,
  type InstallArgs,
  type InterfaceArgs,
  type LinkArgs,
  type MaasAccess,
  type MaasEndpoint,
  MaasMachine,
  type MaasMachineArgs,
  MaasRegion,
  type MaasRegionArgs,
  type NetworkOptions,
  type PowerArgs,
  type PreseedArgs,
  type RaidArgs,
  type RangeArgs,
  type RepairOptions,
  type ScriptArgs,
  type SecretInput,
  type Size,
  type SshHostArgs,
  type SshOptions,
  type StorageArgs,
  type UserDataOptions,
  type VmHostArgs,
  type VolumeArgs,
  type VolumeGroupArgs,
  type WaitOptions,
} from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();

const host: SshHostArgs = { address: "192.168.200.1", hostKey: "ssh-ed25519 AAAA", privateKey: config.requireSecret("sshKey") };
const install: InstallArgs = { channel: "3.7/stable", admin: { username: "ada" }, wait: "20 minutes" };
const pool: RangeArgs = { start: "192.168.200.200", end: "192.168.200.250", comment: "enlistment" };
const domain: DomainArgs = { name: "lab.home", records: [{ name: "@", type: "TXT", data: "lab" }] };
const network: Partial<NetworkOptions> = { dhcp: true, dynamicRanges: [pool], domain };
const images: ImagesArgs = { releases: [{ os: "ubuntu", release: "noble", architectures: ["amd64", "arm64"] }] };
const defaults: DefaultsArgs = { commissioningRelease: "noble", dnssec: "no", proxy: false };
const script: ScriptArgs = { file: "scripts/45-fans.sh" };
const vmHost: VmHostArgs = { name: "kvm1", type: "virsh", address: "qemu+ssh://lab@192.168.200.5/system", memoryOverCommit: 1.5 };
const late: CommandArgs = ["curtin", "in-target", "--", "systemctl", "enable", "fans"];
const hidden: SecretInput<CommandArgs> = config.requireSecret("activation").apply((key): CommandArgs => ["activate", key]);
const curtin: CurtinArgs = { lateCommands: [late, hidden], webhook: config.requireSecret("webhook") };
const preseed: PreseedArgs = { prefix: "curtin_userdata", os: "ubuntu", curtin };
const repair: Partial<RepairOptions> = { failedTesting: "ignore" };
const waits: Partial<WaitOptions> = { commission: "1 hour" };
const regionArgs: MaasRegionArgs = {
  ...{ url: "http://192.168.200.1:5240/MAAS", host, install, network, images, defaults, repair, waits },
  ...{ scripts: [script], vmHosts: [vmHost], preseeds: [preseed] },
};
export const region = new MaasRegion("maas", regionArgs);

/** Where steps find MAAS, and where machines do. */
export const access: MaasAccess = region.access;
export const endpoint: MaasEndpoint = { url: access.url, apiKey: access.apiKey };

const small: Size = "64 GiB";
const swap: FilesystemArgs = { format: "swap", mount: "none" };
const root: VolumeArgs = { name: "root", size: small, format: "ext4", mount: "/" };
const paging: VolumeArgs = { name: "paging", size: "8 GiB", ...swap };
const boot: VolumeArgs = { name: "sda-boot", size: "1 GiB", format: "ext4", mount: "/boot" };
const first: DiskArgs = { name: "sda", partitions: [boot, { name: "sda-rest", size: "rest" }] };
const second: DiskArgs = { name: "sdb", partitions: [{ name: "sdb-rest", size: "rest" }] };
const mirror: RaidArgs = { name: "md0", level: 1, members: ["sda-rest", "sdb-rest"] };
const group: VolumeGroupArgs = { name: "vg0", members: ["md0"], volumes: [root, paging] };
const storage: StorageArgs = { layout: "custom", bootDisk: "sda", disks: [first, second], raids: [mirror], volumeGroups: [group] };

const address: LinkArgs = { mode: "static", address: "192.168.200.21", defaultGateway: true };
const card = (number: number): AnyInterface & InterfaceArgs => ({
  name: `eth${number}`,
  type: "physical",
  macAddress: `54:b2:03:00:01:0${number}`,
});
const bond: InterfaceArgs = { name: "bond0", type: "bond", parents: ["eth0", "eth1"], mode: "802.3ad", links: [address] };
const power: PowerArgs = { type: "redfish", parameters: { power_address: "192.168.200.121", power_pass: config.requireSecret("bmc") } };
const commissioning: Partial<CommissioningOptions> = {
  tests: ["smartctl-validate"],
  parameters: { "smartctl-validate": { storage: "all" } },
};
const userData: Partial<UserDataOptions> = { sysctl: { "vm.swappiness": 10 }, users: [{ name: "ada", sudo: true }], commands: [hidden] };
const ssh: Partial<SshOptions> = { user: "lab", port: 2222 };
const machineArgs: Omit<MaasMachineArgs, "deployKey"> = {
  ...{ region: access, storage, power, commissioning, userData, ssh },
  ...{ macAddresses: ["54:b2:03:00:01:00"], interfaces: [card(0), card(1), bond], erase: "quick", swap: 0 },
};
const compose: ComposeArgs = { host: "kvm1", cores: 4, disks: [{ size: "16 GiB" }] };
const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
const options = { dependsOn: region };
export const big = new MaasMachine("big", { ...machineArgs, deployKey }, options);
export const guest = new MaasMachine("guest", { region: access, deployKey, compose }, options);

/** The region's database: one array a table, rows as plain JSON. Names follow MAAS's models. */

export interface User {
  id: number;
  username: string;
  email: string;
  isSuperuser: boolean;
  password: string;
}
/** An API key; `nodeId` marks the key of a machine, which opens the metadata service only. */
export interface Token {
  consumerKey: string;
  tokenKey: string;
  tokenSecret: string;
  name: string;
  userId?: number;
  nodeId?: string;
}
export interface SshKey {
  id: number;
  userId: number;
  key: string;
  keysource: string;
}
export interface SslKey {
  id: number;
  userId: number;
  key: string;
}
export interface Named {
  id: number;
  name: string;
  description: string;
}
export type Zone = Named;
export type Pool = Named;
export type Space = Named;
export interface Tag {
  id: number;
  name: string;
  definition: string;
  comment: string;
  kernelOpts: string;
}
export interface Fabric {
  id: number;
  name: string | null;
  classType: string | null;
  description: string;
}
export interface Vlan {
  id: number;
  fabricId: number;
  vid: number;
  name: string | null;
  mtu: number;
  description: string;
  dhcpOn: boolean;
  primaryRack: string | null;
  secondaryRack: string | null;
  relayVlanId: number | null;
  spaceId: number | null;
}
export interface Subnet {
  id: number;
  name: string;
  cidr: string;
  vlanId: number;
  description: string;
  gatewayIp: string | null;
  dnsServers: string[];
  rdnsMode: number;
  allowDns: boolean;
  allowProxy: boolean;
  activeDiscovery: boolean;
  managed: boolean;
  disabledBootArchitectures: string[];
}
export interface IpRange {
  id: number;
  subnetId: number;
  type: "dynamic" | "reserved";
  startIp: string;
  endIp: string;
  comment: string;
  userId: number | null;
}
export interface ReservedIp {
  id: number;
  subnetId: number;
  ip: string;
  macAddress: string;
  comment: string;
}
export interface StaticRoute {
  id: number;
  sourceId: number;
  destinationId: number;
  gatewayIp: string;
  metric: number;
}
export interface Domain {
  id: number;
  name: string;
  authoritative: boolean;
  ttl: number | null;
}
export interface DnsResource {
  id: number;
  name: string;
  domainId: number;
  addressTtl: number | null;
  ipIds: number[];
}
export interface DnsRecord {
  id: number;
  resourceId: number;
  rrtype: string;
  rrdata: string;
  ttl: number | null;
}

/** MAAS's numbers: 0 auto, 1 sticky (static), 4 user reserved, 5 DHCP, 6 discovered. A sticky one without address is "link up". */
export const allocType = { auto: 0, sticky: 1, userReserved: 4, dhcp: 5, discovered: 6 } as const;
export interface StaticIp {
  id: number;
  ip: string | null;
  allocType: number;
  subnetId: number | null;
  interfaceIds: number[];
  userId: number | null;
  created: string;
}

export interface Interface {
  id: number;
  nodeId: string;
  name: string;
  type: "physical" | "bond" | "bridge" | "vlan";
  macAddress: string;
  vlanId: number | null;
  parentIds: number[];
  enabled: boolean;
  params: Record<string, unknown> | "";
  tags: string[];
  linkConnected: boolean;
  linkSpeed: number;
  interfaceSpeed: number;
  vendor: string | null;
  product: string | null;
  firmwareVersion: string | null;
  numaNode: number | null;
  /** Somebody deleted the device of this card; the next commissioning finds it again. */
  deviceRemoved?: boolean;
  /** The address that the last commissioning saw, for when the network is put back to what it was. */
  lastSeen?: string;
}

export interface Filesystem {
  fstype: string;
  uuid: string;
  label: string | null;
  mountPoint: string | null;
  mountOptions: string | null;
  groupId?: number;
  cacheSetId?: number;
  /** Members of a group are shown in the order in which they joined. */
  joined?: number;
}
export interface Partition {
  id: number;
  uuid: string;
  size: number;
  bootable: boolean;
  tags: string[];
  index: number;
  filesystem: Filesystem | null;
}
export interface BlockDevice {
  id: number;
  nodeId: string;
  name: string;
  type: "physical" | "virtual";
  model: string | null;
  serial: string | null;
  idPath: string | null;
  size: number;
  blockSize: number;
  tags: string[];
  firmwareVersion: string | null;
  numaNode: number | null;
  uuid: string | null;
  tableType: "GPT" | "MBR" | null;
  partitions: Partition[];
  filesystem: Filesystem | null;
  /** For virtual ones: the volume group, RAID or bcache it is made from. */
  groupId?: number;
}
export interface FilesystemGroup {
  id: number;
  nodeId: string;
  kind: "lvm-vg" | "raid" | "bcache";
  name: string;
  uuid: string;
  level?: string;
  cacheMode?: string;
  cacheSetId?: number;
}
export interface CacheSet {
  id: number;
  nodeId: string;
  name: string;
}

export interface Script {
  id: number;
  name: string;
  title: string;
  description: string;
  type: number;
  hardwareType: number;
  parallel: number;
  tags: string[];
  timeout: string;
  destructive: boolean;
  default: boolean;
  results: unknown;
  parameters: Record<string, unknown>;
  packages: unknown;
  forHardware: string[];
  mayReboot: boolean;
  recommission: boolean;
  applyConfiguredNetworking: boolean;
  revisions: ScriptRevision[];
}
export interface ScriptRevision {
  id: number;
  comment: string | null;
  created: string;
  data: string;
}
export interface ScriptResult {
  id: number;
  name: string;
  scriptId: number | null;
  revisionId: number | null;
  status: number;
  exitStatus: number | null;
  parameters: Record<string, unknown>;
  created: string;
  updated: string;
  started: string | null;
  ended: string | null;
  stdout: string;
  stderr: string;
  output: string;
  result: string;
  suppressed: boolean;
  hardwareType: number;
}
export interface ScriptSet {
  id: number;
  nodeId: string;
  type: 0 | 1 | 2 | 3;
  requested: string;
  results: ScriptResult[];
  lastPing: string | null;
}
export interface Event {
  id: number;
  nodeId: string;
  type: string;
  level: string;
  description: string;
  created: string;
  username: string;
  action: string;
}

/** What the user asked for at deploy time and the machine will ask the metadata service for. */
export interface Installation {
  userData: string | null;
  fetchedUserData: boolean;
  vendorData: string | null;
}

export interface SpecialFilesystem {
  fstype: string;
  label: string;
  uuid: string;
  mount_point: string;
  mount_options: string | null;
}

export interface Node {
  systemId: string;
  nodeType: number;
  hostname: string;
  domainId: number;
  architecture: string | null;
  status: number;
  previousStatus: number;
  ownerId: number | null;
  description: string;
  poolId: number | null;
  zoneId: number;
  tagNames: string[];
  powerType: string;
  powerParameters: Record<string, unknown>;
  powerState: string;
  bmcId: number | null;
  locked: boolean;
  netboot: boolean;
  osystem: string;
  distroSeries: string;
  hweKernel: string | null;
  minHweKernel: string;
  errorDescription: string;
  cpuCount: number;
  cpuSpeed: number;
  memory: number;
  swapSize: number | null;
  hardwareUuid: string | null;
  hardwareInfo: Record<string, string>;
  ownerData: Record<string, string>;
  agentName: string;
  enableSsh: boolean;
  ephemeralDeploy: boolean;
  enableHwSync: boolean;
  enableKernelCrashDump: boolean;
  biosBootMethod: string | null;
  /** Somebody has it: its file systems are shown while it is in use. */
  acquired: boolean;
  bootInterfaceId: number | null;
  bootDiskId: number | null;
  gatewayLinkV4: number | null;
  parentId: string | null;
  podId: number | null;
  /** What its VM host gave it, whatever commissioning sees. */
  composed?: { id: number; cores: number; memory: number; local_storage: number };
  licenseKey: string;
  installRackd: boolean;
  installKvm: boolean;
  registerVmhost: boolean;
  commissioningSet: number | null;
  testingSet: number | null;
  installationSet: number | null;
  releaseSet: number | null;
  numaCores: number[];
  layout: string;
  skipNetworking: boolean;
  skipStorage: boolean;
  storageConfigured: boolean;
  /** When the watchdog gives up on what runs now, milliseconds. */
  expires: number | null;
  installation: Installation;
  eraseOnRelease: boolean;
  isDpu: boolean;
  /** In memory, as tmpfs and ramfs are. */
  specialFilesystems?: SpecialFilesystem[];
  addressTtl: number | null;
  /** Addresses found by commissioning, by interface. */
  created: string;
}

export interface VmHost {
  id: number;
  name: string;
  type: string;
  powerParameters: Record<string, unknown>;
  poolId: number;
  zoneId: number;
  tags: string[];
  cpuOverCommitRatio: number;
  memoryOverCommitRatio: number;
  defaultMacvlanMode: string | null;
  hostId: string | null;
  architectures: string[];
  capabilities: string[];
  version: string;
  total: { cores: number; memory: number; local_storage: number };
  storagePools: { id: string; name: string; type: string; path: string; total: number }[];
}
/** Tables whose rows need no look-ups: kept as they are answered. */
export type Plain = { id: number } & Record<string, unknown>;

export interface Tables {
  users: User[];
  tokens: Token[];
  sshKeys: SshKey[];
  sslKeys: SslKey[];
  zones: Zone[];
  pools: Pool[];
  spaces: Space[];
  tags: Tag[];
  fabrics: Fabric[];
  vlans: Vlan[];
  subnets: Subnet[];
  ipRanges: IpRange[];
  reservedIps: ReservedIp[];
  staticRoutes: StaticRoute[];
  domains: Domain[];
  dnsResources: DnsResource[];
  dnsRecords: DnsRecord[];
  staticIps: StaticIp[];
  nodes: Node[];
  interfaces: Interface[];
  blockDevices: BlockDevice[];
  filesystemGroups: FilesystemGroup[];
  cacheSets: CacheSet[];
  scripts: Script[];
  scriptSets: ScriptSet[];
  events: Event[];
  vmHosts: VmHost[];
  bootResources: Plain[];
  bootSources: Plain[];
  bootSelections: Plain[];
  packageRepositories: Plain[];
  notifications: Plain[];
  dhcpSnippets: Plain[];
  files: Plain[];
  licenseKeys: Plain[];
  discoveries: Plain[];
}

export interface Database {
  format: 1;
  tables: Tables;
  /** The next id of each table, as a database sequence: never given twice. */
  sequences: Record<string, number>;
  config: Record<string, unknown>;
  region: { regionId: string; rackId: string | null };
  /** Once somebody has chosen another than the first. */
  defaultDomainId?: number;
}

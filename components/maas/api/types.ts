/** The parts of MAAS's objects that the program reads, by MAAS's own names. Shapes as measured on MAAS 3.7. */

/** `status` of a machine, with the label that MAAS shows. */
export enum Status {
  New = 0,
  Commissioning = 1,
  FailedCommissioning = 2,
  Missing = 3,
  Ready = 4,
  Reserved = 5,
  Deployed = 6,
  Retired = 7,
  Broken = 8,
  Deploying = 9,
  Allocated = 10,
  FailedDeployment = 11,
  Releasing = 12,
  FailedReleasing = 13,
  DiskErasing = 14,
  FailedDiskErasing = 15,
  RescueMode = 16,
  EnteringRescueMode = 17,
  FailedEnteringRescueMode = 18,
  ExitingRescueMode = 19,
  FailedExitingRescueMode = 20,
  Testing = 21,
  FailedTesting = 22,
}

export interface Subnet {
  id: number;
  name: string;
  cidr: string;
  gateway_ip: string | null;
  dns_servers: string[];
  managed: boolean;
  vlan: Vlan;
}

export interface Vlan {
  id: number;
  vid: number;
  name: string;
  fabric: string;
  fabric_id: number;
  mtu: number;
  dhcp_on: boolean;
  external_dhcp: string | null;
  primary_rack: string | null;
  secondary_rack: string | null;
  relay_vlan: unknown;
  space: string;
}

export interface InterfaceLink {
  id: number;
  mode: "auto" | "dhcp" | "static" | "link_up";
  ip_address?: string;
  subnet?: Subnet;
}

export interface Interface {
  id: number;
  name: string;
  type: string;
  mac_address: string | null;
  enabled: boolean;
  parents: string[];
  children: string[];
  tags: string[];
  params: unknown;
  vlan: Vlan | null;
  links: InterfaceLink[];
  discovered: { ip_address: string; subnet: Subnet }[] | null;
}

export interface BlockDevice {
  id: number;
  name: string;
  type: string;
  size: number;
  model: string | null;
  serial: string | null;
  id_path: string | null;
  tags: string[];
  used_for: string;
  partitions: Partition[];
}

export interface Partition {
  id: number;
  device_id: number;
  size: number;
  bootable: boolean;
  path: string;
  filesystem: { fstype: string; label: string; mount_point: string | null; mount_options: string | null } | null;
}

export interface Machine {
  system_id: string;
  hostname: string;
  fqdn: string;
  architecture: string;
  description: string;
  status: Status;
  status_name: string;
  status_message: string | null;
  error_description: string;
  owner: string | null;
  owner_data: Record<string, string>;
  locked: boolean;
  power_state: string;
  power_type: string;
  osystem: string;
  distro_series: string;
  hwe_kernel: string | null;
  min_hwe_kernel: string;
  ephemeral_deploy: boolean;
  /** Boots from the network next: on a deployed machine only where a release has begun and failed. */
  netboot?: boolean;
  enable_hw_sync: boolean;
  swap_size: number | null;
  ip_addresses: string[];
  tag_names: string[];
  /** The VM host of a composed machine. */
  pod?: { id: number; name: string } | null;
  zone: { name: string };
  pool: { name: string };
  domain: { name: string };
  boot_interface: Interface | null;
  interface_set: Interface[];
  blockdevice_set: BlockDevice[];
  commissioning_status_name: string;
  testing_status_name: string;
  cpu_count?: number;
  /** MiB. */
  memory?: number;
  /** Vendor, product, serial number, firmware: `Unknown` where MAAS was told nothing. */
  hardware_info?: Record<string, string>;
}

export interface MachineEvent {
  id: number;
  level: string;
  type: string;
  description: string;
  created: string;
}

export interface ScriptResult {
  id: number;
  name: string;
  status: number;
  status_name: string;
  exit_status: number | null;
  script_id: number | null;
  script_revision_id: number | null;
  /** What the script ran with, by parameter; MAAS writes out disks and the like. */
  parameters?: Record<string, { value?: unknown }>;
  /** With `include_output`, base64. */
  output?: string;
  stdout?: string;
  stderr?: string;
}

export interface ScriptSet {
  id: number;
  type_name: string;
  status_name: string;
  results: ScriptResult[];
}

/** How a simulator is set up: where its state is, what its fresh region looks like, which hardware is below it. */
import type { Hardware } from "../hardware";

/** What a region holds the first time it starts; later starts keep what the state directory has. */
export interface RegionProfile {
  /** `maas_name`, and the region controller's hostname. */
  name: string;
  subnet: { cidr: string; gateway: string; dnsServers: string[] };
  /** `reports`: its services tell how they are, as those of a rack do that runs; otherwise MAAS knows nothing of them. */
  rack?: { hostname: string; address: string; connected: boolean; reports?: boolean };
  /** Imported images: `ubuntu/noble` and so on, each with its kernels' version. */
  images: { name: string; kernel: string; architectures: string[] }[];
  /** Automatic addresses are taken from here upwards (last octet for a /24); below it addresses are left to people. */
  firstAutoAddress?: string;
  admin: { username: string; email: string };
  /** Completed intro, and so on. */
  config?: Record<string, unknown>;
}

export interface MaasOptions {
  /** Kept in memory only where absent. */
  stateDirectory?: string;
  hardware: Hardware;
  profile?: RegionProfile;
  /** Milliseconds; for tests. */
  now?: () => number;
  /**
   * Who presses the button of machines with manual power: `attentive` at once whenever MAAS waits for the machine,
   * `absent` never (until `POST /sim/power-button`).
   */
  operator?: "attentive" | "absent";
  /** The base of the metadata URLs that machines get; the listening address where absent. */
  metadataBase?: string;
  /** How long MAAS takes to read what a new boot source has, and to import images, seconds; at once where absent. */
  images?: { readSource?: number; import?: number };
  /** How often timeouts are looked for, milliseconds. */
  watchdogInterval?: number;
}

const bothArchitectures = ["amd64", "arm64"];

export const labProfile: RegionProfile = {
  name: "homelab",
  subnet: { cidr: "192.168.200.0/24", gateway: "192.168.200.1", dnsServers: [] },
  rack: { hostname: "rack-1", address: "192.168.200.1", connected: true, reports: true },
  images: [
    { name: "ubuntu/noble", kernel: "24.04", architectures: bothArchitectures },
    { name: "ubuntu/jammy", kernel: "22.04", architectures: bothArchitectures },
    { name: "custom/debian-12", kernel: "12", architectures: bothArchitectures },
  ],
  firstAutoAddress: "192.168.200.11",
  admin: { username: "admin", email: "admin@homelab.internal" },
};

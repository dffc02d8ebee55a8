import type { Duration } from "../../core/notations";
import type { SecretInput } from "../../core/secret";

/** MAAS's own settings, in the words of its user interface; what is absent stays as it is. */
export interface DefaultsArgs {
  /** Operating system that machines get by default: `ubuntu`. */
  os?: string;
  /** Release that machines get by default: `noble`. */
  release?: string;
  /** Ubuntu release that machines are commissioned with. */
  commissioningRelease?: string;
  /** Oldest kernel that machines get: `hwe-24.04`. */
  minimalKernel?: string;
  /** Added to every machine's kernel command line. */
  kernelOptions?: string;
  /** NTP servers for MAAS and its machines. */
  ntpServers?: readonly string[];
  /** Machines ask `ntpServers` themselves instead of MAAS. */
  ntpExternalOnly?: boolean;
  /** Name servers that MAAS asks for what it does not know. */
  dnsForwarders?: readonly string[];
  /** How answers of the forwarders are validated. */
  dnssec?: "auto" | "yes" | "no";
  /** `false` switches MAAS's proxy off; a URL goes through another one. */
  proxy?: boolean | string;
  /** Layout of disks where a machine names none: `flat`, `lvm`, … */
  storageLayout?: string;
  /** More words in installation logs. */
  curtinVerbose?: boolean;
  /** How long a machine may be busy before MAAS calls it failed. */
  nodeTimeout?: Duration;
  /** `host:port` that machines send their logs to. */
  remoteSyslog?: string;
  /** Metrics for Prometheus at `/MAAS/metrics` and on the rack controllers. */
  metrics?: boolean;
}

/** Images that MAAS imports and keeps. */
export interface ImagesArgs {
  /** Where images come from. Default: MAAS's own source. */
  source?: {
    /** Of a simplestreams mirror. */
    url: string;
    /** File on the region controller with the keys that sign it. */
    keyring: string;
  };
  /** What to import; others are no longer kept. */
  releases: readonly {
    /** `ubuntu`, `centos`, … */
    os: string;
    /** `noble`, … */
    release: string;
    /** `amd64`, `arm64`, … */
    architectures: readonly string[];
  }[];
  /** Default `1 hour`. */
  wait?: Duration;
}

/** A script from a file, with MAAS's metadata header in it. */
export interface ScriptArgs {
  /** Below the program's folder. */
  file: string;
  /** Default: the one in the header, or the file's name. */
  name?: string;
}

/** A VM host that MAAS drives. */
export interface VmHostArgs {
  /** Name in MAAS. */
  name: string;
  /** How MAAS drives it. */
  type: "lxd" | "virsh";
  /** For `lxd` `host:8443`, for `virsh` `qemu+ssh://user@host/system`. */
  address: string;
  /** LXD project. Default `default`. */
  project?: string;
  /** LXD's trust password or the SSH password; a secret. Default none. */
  password?: SecretInput;
  /** PEM of the certificate that MAAS shows LXD. Default: MAAS makes one. */
  certificate?: string | SecretInput;
  /** PEM of that certificate's key; a secret. */
  key?: SecretInput;
  /** Zone of its machines. Default: `default`. */
  zone?: string;
  /** Resource pool of its machines. Default: `default`. */
  pool?: string;
  /** Tags of the host. Default none. */
  tags?: readonly string[];
  /** Cores that may be given away for each core, 0 to 10. Default 1. */
  cpuOverCommit?: number;
  /** Memory that may be given away for each byte, 0 to 10. Default 1. */
  memoryOverCommit?: number;
}

import type * as pulumi from "@pulumi/pulumi";
import type { Duration } from "../../core/notations";
import type { SecretInput } from "../../core/secret";

/** MAAS's own settings, in the words of its user interface; what is absent stays as it is. */
export interface DefaultsArgs {
  /** Operating system that machines get by default: `ubuntu`. */
  os?: pulumi.Input<string>;
  /** Release that machines get by default: `noble`. */
  release?: pulumi.Input<string>;
  /** Ubuntu release that machines are commissioned with. */
  commissioningRelease?: pulumi.Input<string>;
  /** Oldest kernel that machines get: `hwe-24.04`. */
  minimalKernel?: pulumi.Input<string>;
  /** Added to every machine's kernel command line. */
  kernelOptions?: pulumi.Input<string>;
  /** NTP servers for MAAS and its machines. */
  ntpServers?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Machines ask `ntpServers` themselves instead of MAAS. */
  ntpExternalOnly?: pulumi.Input<boolean>;
  /** Name servers that MAAS asks for what it does not know. */
  dnsForwarders?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** How answers of the forwarders are validated. */
  dnssec?: pulumi.Input<"auto" | "yes" | "no">;
  /** `false` switches MAAS's proxy off; a URL goes through another one. */
  proxy?: pulumi.Input<boolean | string>;
  /** Layout of disks where a machine names none: `flat`, `lvm`, … */
  storageLayout?: pulumi.Input<string>;
  /** More words in installation logs. */
  curtinVerbose?: pulumi.Input<boolean>;
  /** How long a machine may be busy before MAAS calls it failed. */
  nodeTimeout?: pulumi.Input<Duration>;
  /** `host:port` that machines send their logs to. */
  remoteSyslog?: pulumi.Input<string>;
  /** Metrics for Prometheus at `/MAAS/metrics` and on the rack controllers. */
  metrics?: pulumi.Input<boolean>;
}

/** Images that MAAS imports and keeps. */
export interface ImagesArgs {
  /** Where images come from. Default: MAAS's own source. */
  source?: pulumi.Input<{
    /** Of a simplestreams mirror. */
    url: pulumi.Input<string>;
    /** File on the region controller with the keys that sign it. */
    keyring: pulumi.Input<string>;
  }>;
  /** What to import; others are no longer kept. */
  releases: pulumi.Input<
    readonly pulumi.Input<{
      /** `ubuntu`, `centos`, … */
      os: pulumi.Input<string>;
      /** `noble`, … */
      release: pulumi.Input<string>;
      /** `amd64`, `arm64`, … */
      architectures: pulumi.Input<readonly pulumi.Input<string>[]>;
    }>[]
  >;
  /** Default `1 hour`. */
  wait?: pulumi.Input<Duration>;
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
  /** Name in MAAS. Plain: the resource is named by it. */
  name: string;
  /** How MAAS drives it. */
  type: pulumi.Input<"lxd" | "virsh">;
  /** For `lxd` `host:8443`, for `virsh` `qemu+ssh://user@host/system`. */
  address: pulumi.Input<string>;
  /** LXD project. Default `default`. */
  project?: pulumi.Input<string>;
  /** LXD's trust password or the SSH password; a secret. Default none. */
  password?: SecretInput;
  /** PEM of the certificate that MAAS shows LXD. Default: MAAS makes one. */
  certificate?: pulumi.Input<string> | SecretInput;
  /** PEM of that certificate's key; a secret. */
  key?: SecretInput;
  /** Zone of its machines. Default: `default`. */
  zone?: pulumi.Input<string>;
  /** Resource pool of its machines. Default: `default`. */
  pool?: pulumi.Input<string>;
  /** Tags of the host. Default none. */
  tags?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Cores that may be given away for each core, 0 to 10. Default 1. */
  cpuOverCommit?: pulumi.Input<number>;
  /** Memory that may be given away for each byte, 0 to 10. Default 1. */
  memoryOverCommit?: pulumi.Input<number>;
}

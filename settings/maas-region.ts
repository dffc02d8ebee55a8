import { z } from "zod";
import { duration, ipv4, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

/** What `homelab:maas` says of the region as a whole: its images, its defaults, its scripts. */

const series = z.string().regex(/^[a-z]+$/, "must be a release by its code name, such as noble");
const architecture = z.enum(["amd64", "arm64", "i386", "ppc64el", "s390x", "armhf", "riscv64"]);

export const imagesOfMaas = z.strictObject({
  /** Where images come from; MAAS's own source when absent. */
  source: z
    .strictObject({
      url: z.url({ protocol: /^https?$/, error: "must be a URL" }),
      keyring: z.string().default("/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"),
    })
    .optional(),
  /** Kept up to date by MAAS; the program waits until they are there. */
  releases: z
    .array(
      z.strictObject({ os: z.string().default("ubuntu"), release: series, architectures: z.array(architecture).min(1).default(["amd64"]) }),
    )
    .min(1),
  wait: duration.default("1 hour"),
});

/** MAAS's own settings, in the words of its user interface; what is absent stays as it is. */
export const defaultsOfMaas = z.strictObject({
  /** Deployed when a machine names no release. */
  os: z.string().optional(),
  release: z.string().optional(),
  /** Booted for commissioning and tests. */
  commissioningRelease: series.optional(),
  minimalKernel: z.string().optional(),
  kernelOptions: z.string().optional(),
  ntpServers: z.array(z.string().min(1)).optional(),
  /** The machines ask these servers themselves, rather than MAAS. */
  ntpExternalOnly: z.boolean().optional(),
  dnsForwarders: z.array(ipv4).optional(),
  dnssec: z.enum(["auto", "yes", "no"]).optional(),
  /** `false` switches MAAS's proxy off; a URL goes through another one. */
  proxy: z.union([z.boolean(), z.url({ protocol: /^https?$/, error: "must be true, false or the URL of a proxy" })]).optional(),
  storageLayout: z.enum(["flat", "lvm", "bcache", "blank", "custom", "vmfs6", "vmfs7"]).optional(),
  curtinVerbose: z.boolean().optional(),
  /** After this MAAS itself calls a machine failed. */
  nodeTimeout: duration.optional(),
  remoteSyslog: z.string().optional(),
  /** Whether MAAS tells Prometheus about its machines; `homelab:monitoring.maas.enabled` turns it on as well. */
  metrics: z.boolean().optional(),
});

/** A commissioning, testing or release script from a file, with MAAS's metadata header in it. */
export const scriptOfMaas = z.strictObject({
  /** Below the project's folder. */
  file: z.string().min(1),
  /** The one in the header, or the file's name, when absent. */
  name: z
    .string()
    .regex(/^[\w.-]+$/, "must be letters, digits, dots, dashes and underscores")
    .optional(),
});

export const vmHostOfMaas = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be lower-case letters, digits and dashes"),
  type: z.enum(["lxd", "virsh"]),
  /** `https://10.10.10.1:8443`, or `qemu+ssh://user@host/system`. */
  address: z.string().min(1),
  /** LXD project. */
  project: z.string().default("default"),
  /** LXD trust password, or virsh's; secret. */
  password: z.string().optional(),
  /** LXD trust token is not in MAAS's API; give certificate and key instead; secret. */
  certificate: z.string().optional(),
  key: z.string().optional(),
  zone: z.string().optional(),
  pool: z.string().optional(),
  tags: z.array(z.string()).default([]),
  cpuOverCommit: z.number().min(0).max(10).optional(),
  memoryOverCommit: z.number().min(0).max(10).optional(),
});

export type ImagesOfMaas = z.output<typeof imagesOfMaas>;
export type DefaultsOfMaas = z.output<typeof defaultsOfMaas>;
export type ScriptOfMaas = z.output<typeof scriptOfMaas>;
export type VmHostOfMaas = z.output<typeof vmHostOfMaas>;

interface Region {
  images?: ImagesOfMaas;
  defaults: DefaultsOfMaas;
  vmHosts: VmHostOfMaas[];
  waits: { commission: z.output<typeof duration>; deploy: z.output<typeof duration> };
}

/** Things that cannot work together: a default release without its image, hosts given twice or reached in the wrong way, timeouts the wrong way round. */
export function checkRegion({ images, defaults, vmHosts, waits }: Region): Problem[] {
  const problems: Problem[] = [];
  const imported = images?.releases.map((each) => each.release);
  for (const key of ["release", "commissioningRelease"] as const) {
    const wanted = defaults[key]?.replace(/^.*\//, "");
    if (imported && wanted && !imported.includes(wanted)) {
      problems.push({
        path: `homelab:maas.defaults.${key}`,
        message: "is not among the images that are imported",
        found: wanted,
        allowed: imported.join(", "),
        fix: "add it to homelab:maas.images.releases",
      });
    }
  }
  vmHosts.forEach((each, index) => {
    const path = `homelab:maas.vmHosts[${index}]`;
    if (vmHosts.findIndex((other) => other.name === each.name) < index) {
      problems.push({ path: `${path}.name`, message: "is given twice", found: each.name, fix: "give each VM host its own name" });
    }
    const scheme = each.type === "virsh" ? /^qemu(\+ssh)?:\/\// : /^(https:\/\/)?[\w.:[\]-]+$/;
    if (!scheme.test(each.address)) {
      problems.push({
        path: `${path}.address`,
        message: `is no address of a ${each.type} host`,
        found: each.address,
        allowed: each.type === "virsh" ? "qemu+ssh://USER@HOST/system" : "https://HOST:8443",
        fix: "write it in that form",
      });
    }
    if (each.type === "lxd" && Boolean(each.certificate) !== Boolean(each.key)) {
      problems.push({
        path: `${path}.${each.certificate ? "key" : "certificate"}`,
        message: "certificate and key go together",
        fix: "give both, or neither and a password",
      });
    }
  });
  const timeout = defaults.nodeTimeout && toSeconds(defaults.nodeTimeout);
  for (const key of ["commission", "deploy"] as const) {
    if (timeout && toSeconds(waits[key]) < timeout) {
      problems.push({
        path: `homelab:maas.waits.${key}`,
        message: "is shorter than MAAS's own timeout, so that a failure would be seen as slowness",
        found: waits[key],
        allowed: `${defaults.nodeTimeout} or more`,
        fix: "raise it, or lower homelab:maas.defaults.nodeTimeout",
      });
    }
  }
  return problems;
}

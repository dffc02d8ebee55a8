import { z } from "zod";
import { duration, ipv4, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { secret } from "./secret";

/** What `homelab:maas` says of the region as a whole: its images, its defaults, its scripts. */

const series = z.string().regex(/^[a-z]+$/, "must be a release by its code name, such as noble");
const architecture = z.enum(["amd64", "arm64", "i386", "ppc64el", "s390x", "armhf", "riscv64"]);

export const imagesOfMaas = z.strictObject({
  source: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/, error: "must be a URL" })
        .describe("URL of the image source, such as https://images.example/ephemeral-v3/stable/."),
      keyring: z
        .string()
        .default("/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg")
        .describe("File on the region controller with the keys that sign the images. Change it for a mirror that signs with its own key."),
    })
    .optional()
    .describe("Mirror to download images from. Without it, MAAS keeps the source it has."),
  releases: z
    .array(
      z.strictObject({
        os: z.string().default("ubuntu").describe("Operating system of the image, such as ubuntu or centos."),
        release: series.describe("Code name of the release, such as noble."),
        architectures: z
          .array(architecture)
          .min(1)
          .default(["amd64"])
          .describe("Processor architectures to import, such as [amd64, arm64]."),
      }),
    )
    .min(1)
    .describe("Images that MAAS imports and keeps up to date. `up` waits until they are there."),
  wait: duration.default("1 hour").describe("Time limit for the import. Raise it on a slow connection."),
});

export const defaultsOfMaas = z.strictObject({
  os: z.string().optional().describe("Operating system for machines that name no release, such as ubuntu."),
  release: z.string().optional().describe("Release for machines that name none, such as noble."),
  commissioningRelease: series.optional().describe("Release that MAAS boots for commissioning and tests, such as noble."),
  minimalKernel: z.string().optional().describe("Oldest kernel that MAAS may deploy, such as ga-24.04."),
  kernelOptions: z.string().optional().describe("Options for the kernel command line of every machine, such as console=ttyS1."),
  ntpServers: z.array(z.string().min(1)).optional().describe("Time servers for MAAS and its machines, such as [ntp.ubuntu.com]."),
  ntpExternalOnly: z.boolean().optional().describe("Point machines directly at the time servers instead of at MAAS."),
  dnsForwarders: z.array(ipv4).optional().describe("DNS servers that MAAS forwards to, such as [192.168.200.1]."),
  dnssec: z
    .enum(["auto", "yes", "no"])
    .optional()
    .describe("DNSSEC validation of forwarded answers. Set it to no if your resolver strips signatures."),
  proxy: z
    .union([z.boolean(), z.url({ protocol: /^https?$/, error: "must be true, false or the URL of a proxy" })])
    .optional()
    .describe("HTTP proxy for package downloads: true for MAAS's own, false for none, or the URL of another one."),
  storageLayout: z
    .enum(["flat", "lvm", "bcache", "blank", "custom", "vmfs6", "vmfs7"])
    .optional()
    .describe("Disk layout for machines that set none."),
  curtinVerbose: z.boolean().optional().describe("Detailed log of the installer. Turn it on to debug a deployment that fails."),
  nodeTimeout: duration
    .optional()
    .describe("Time after which MAAS itself marks a commissioning or deploying machine as failed, such as 40 minutes."),
  remoteSyslog: z.string().optional().describe("Syslog server that machines log to instead of MAAS, such as logs.example:514."),
  metrics: z.boolean().optional().describe("Prometheus metrics of MAAS. homelab:monitoring.maas.enabled turns them on as well."),
});

export const scriptOfMaas = z.strictObject({
  file: z.string().min(1).describe("Script file in the project's folder, such as scripts/inventory.sh, with MAAS's metadata header in it."),
  name: z
    .string()
    .regex(/^[\w.-]+$/, "must be letters, digits, dots, dashes and underscores")
    .optional()
    .describe("Name of the script in MAAS. Defaults to the one in the header, or the file's name."),
});

export const vmHostOfMaas = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be lower-case letters, digits and dashes")
    .describe("Name of the VM host in MAAS, such as nuc-lxd. Machines refer to it with compose.host."),
  type: z.enum(["lxd", "virsh"]).describe("Hypervisor: lxd, or virsh for libvirt."),
  address: z.string().min(1).describe("Address of the hypervisor: https://10.10.10.1:8443 for lxd, qemu+ssh://user@host/system for virsh."),
  project: z.string().default("default").describe("LXD project that MAAS works in."),
  password: secret(z.string()).optional().describe("Trust password of LXD, or the password of virsh's user."),
  certificate: z
    .string()
    .optional()
    .describe("Client certificate for LXD in PEM, together with key. Use it where LXD has no trust password."),
  key: secret(z.string(), { file: true }).optional().describe("Private key of the client certificate, in PEM."),
  zone: z.string().optional().describe("Availability zone of the VM host, such as rack-1."),
  pool: z.string().optional().describe("Resource pool of the VM host, such as lab."),
  tags: z.array(z.string()).default([]).describe("Tags of the VM host in MAAS, such as [ssd]."),
  cpuOverCommit: z.number().min(0).max(10).optional().describe("Virtual cores for each real core, such as 2."),
  memoryOverCommit: z.number().min(0).max(10).optional().describe("Virtual memory for each byte of real memory, such as 1.5."),
});

export type ImagesOfMaas = z.output<typeof imagesOfMaas>;
export type DefaultsOfMaas = z.output<typeof defaultsOfMaas>;
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

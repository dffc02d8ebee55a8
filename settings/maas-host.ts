import { z } from "zod";
import type { Problem } from "../components/core/user-error";
import { PRESEED_PARTS, preseedName } from "../components/maas/args/preseed";
import { secret } from "./secret";

/** SSH to the region controller's computer, for what its API cannot do: preseed files, installation, upgrades. */
export const maasHost = z.strictObject({
  address: z.string().min(1).describe("Host name or address of the region controller, such as 192.168.200.1."),
  port: z.number().int().min(1).max(65535).default(22).describe("SSH port of the region controller."),
  user: z.string().default("ubuntu").describe("Account to log in with. It needs password-less sudo."),
  hostKey: z
    .string()
    .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+) [A-Za-z0-9+/=]+$/, "must be a public host key such as ssh-ed25519 AAAA…")
    .describe("Public SSH host key, such as ssh-ed25519 AAAA…. Print it with `ssh-keyscan -t ed25519 HOST`, without the name."),
  privateKey: secret(z.string().min(1), { file: true }).describe("Private SSH key to log in with, in OpenSSH or PEM form."),
});

const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);
const part = z.string().regex(/^[A-Za-z0-9.-]+$/, "must be letters, digits, dots and dashes");

/** What curtin does beside MAAS's own instructions; see https://curtin.readthedocs.io. */
const curtin = z.strictObject({
  earlyCommands: z
    .array(secret(command))
    .default([])
    .describe("Commands that curtin runs before it touches the disks, each a line or a list of words."),
  lateCommands: z
    .array(secret(command))
    .default([])
    .describe("Commands that curtin runs after installation. Prefix one with `curtin in-target --` to run it in the installed system."),
  storage: secret(z.array(z.record(z.string(), z.unknown())))
    .optional()
    .describe("Storage configuration of curtin (`storage: config:`), in place of MAAS's. See https://curtin.readthedocs.io."),
  network: secret(z.record(z.string(), z.unknown()))
    .optional()
    .describe("Network configuration of the installed system in curtin's or netplan's form (`network:`), in place of MAAS's."),
  webhook: secret(z.url({ protocol: /^https?$/, error: "must be a URL" }))
    .optional()
    .describe(
      "URL that gets a message when an installation starts and ends, and curtin's own reports as JSON. Slack refuses those reports: to hear of failures, use another receiver.",
    ),
});

/**
 * A preseed template by MAAS's file-name rules: of all files that fit a machine the most specific one wins, and a part
 * can be named only when all before it are.
 */
export const preseed = z.strictObject({
  prefix: z
    .enum(["enlist", "enlist_userdata", "commissioning", "curtin", "curtin_userdata"])
    .describe("Phase the template is for. Use curtin_userdata to change how machines are installed."),
  os: part.optional().describe("Operating system the template is limited to, such as ubuntu."),
  architecture: part.optional().describe("Architecture the template is limited to, such as amd64. Needs os."),
  subarchitecture: part.optional().describe("Sub-architecture the template is limited to, such as generic. Needs architecture."),
  release: part.optional().describe("Release the template is limited to, such as noble. Needs subarchitecture."),
  node: part.optional().describe("Machine the template is limited to, such as node1. Needs release."),
  file: z.string().optional().describe("Template file in the project's folder, such as preseeds/curtin_userdata. Give this or curtin."),
  curtin: curtin.optional().describe("Settings to render a curtin_userdata template from. Give this or file."),
});

export type MaasHost = z.output<typeof maasHost>;
export type Preseed = z.output<typeof preseed>;

/** Gaps in names, two templates of one name, neither or both of file and settings, no host to write to. */
export function checkPreseeds({ preseeds, host }: { preseeds: Preseed[]; host?: MaasHost }): Problem[] {
  const problems: Problem[] = [];
  preseeds.forEach((each, index) => {
    const path = `homelab:maas.preseeds[${index}]`;
    const gap = PRESEED_PARTS.find(
      (key, position) => each[key] === undefined && PRESEED_PARTS.slice(position).some((later) => each[later] !== undefined),
    );
    if (gap) {
      problems.push({
        path: `${path}.${gap}`,
        message: "is required, as a later part of the file's name is given: MAAS would never look for it",
        allowed: PRESEED_PARTS.join(", then "),
        fix: `add ${gap}, or take the later parts out`,
      });
    }
    if (preseeds.findIndex((other) => preseedName(other) === preseedName(each)) < index) {
      problems.push({
        path,
        message: "has the same file name as one above",
        found: preseedName(each),
        fix: "make one of them more specific, or join them",
      });
    }
    if ((each.file === undefined) === (each.curtin === undefined)) {
      problems.push({
        path,
        message: "needs either file or curtin",
        found: each.file === undefined ? "neither" : "both",
        fix: "give one of them",
      });
    }
    if (each.curtin && each.prefix !== "curtin_userdata") {
      problems.push({
        path: `${path}.prefix`,
        message: "settings for curtin are read from curtin_userdata only",
        found: each.prefix,
        allowed: "curtin_userdata",
        fix: "write prefix: curtin_userdata, or give a file",
      });
    }
  });
  if (preseeds.length > 0 && !host) {
    problems.push({
      path: "homelab:maas.host",
      message: "is required: preseeds are files on the region controller",
      allowed: "address, hostKey, privateKey, user",
      fix: "add it, or take homelab:maas.preseeds out",
    });
  }
  return problems;
}

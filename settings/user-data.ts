import { z } from "zod";
import type { Problem } from "../components/core/user-error";

const absolute = z.string().regex(/^\/\S+$/, "must be an absolute path");
const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);

/** What cloud-init does at a machine's first boot, beside the account and the keys that the program needs. A change redeploys. */
export const userDataSettings = z.strictObject({
  timezone: z
    .string()
    .regex(/^[A-Za-z_+-]+(\/[\w+-]+)*$/, "must be a time zone such as Europe/Berlin")
    .optional(),
  packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be a package name")).default([]),
  upgradePackages: z.boolean().default(false),
  files: z
    .array(
      z.strictObject({
        path: absolute,
        content: z.string(),
        permissions: z
          .string()
          .regex(/^0[0-7]{3}$/, 'must be octal in quotes, such as "0644"')
          .default("0644"),
        owner: z
          .string()
          .regex(/^[a-z_][\w-]*:[a-z_][\w-]*$/, "must be user:group")
          .default("root:root"),
      }),
    )
    .default([]),
  /** Time servers; MAAS's when empty. */
  ntpServers: z.array(z.string().min(1)).default([]),
  sysctl: z
    .record(
      z.string().regex(/^[a-z][\w.-]*\.[\w.-]+$/, "must be a kernel setting such as net.ipv4.ip_forward"),
      z.union([z.string(), z.number()]),
    )
    .default({}),
  users: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name"),
        authorizedKeys: z
          .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) \S+/, "must be a line of authorized_keys"))
          .default([]),
        sudo: z.boolean().default(false),
        groups: z.array(z.string()).default([]),
        shell: absolute.optional(),
      }),
    )
    .default([]),
  bootCommands: z.array(command).default([]),
  commands: z.array(command).default([]),
});

export type UserDataSettings = z.output<typeof userDataSettings>;

/** Users and files given twice, the program's own account. */
export function checkUserData(path: string, userData: UserDataSettings, programUser: string): Problem[] {
  const problems: Problem[] = [];
  userData.users.forEach((each, index) => {
    if (each.name === programUser) {
      problems.push({
        path: `${path}.users[${index}].name`,
        message: "is the account that the program itself makes and uses",
        found: each.name,
        fix: "take it out; add keys for it under homelab:ssh.authorizedKeys",
      });
    } else if (userData.users.findIndex((other) => other.name === each.name) < index) {
      problems.push({ path: `${path}.users[${index}].name`, message: "is given twice", found: each.name, fix: "give each user once" });
    }
  });
  userData.files.forEach((each, index) => {
    if (userData.files.findIndex((other) => other.path === each.path) < index) {
      problems.push({ path: `${path}.files[${index}].path`, message: "is written twice", found: each.path, fix: "write each file once" });
    }
  });
  return problems;
}

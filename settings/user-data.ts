import { z } from "zod";
import type { Problem } from "../components/core/user-error";
import { secret } from "./secret";

const absolute = z.string().regex(/^\/\S+$/, "must be an absolute path");
const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);

/** What cloud-init does at a machine's first boot, beside the account and the keys that the program needs. A change redeploys. */
export const userDataSettings = z.strictObject({
  timezone: z
    .string()
    .regex(/^[A-Za-z_+-]+(\/[\w+-]+)*$/, "must be a time zone such as Europe/Berlin")
    .optional()
    .describe("Time zone, such as Europe/Berlin. Without it, the image's own, usually UTC."),
  packages: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be a package name"))
    .default([])
    .describe("Packages to install, such as [nfs-common]."),
  upgradePackages: z
    .boolean()
    .default(false)
    .describe("Install all pending updates at first boot. This takes longer and may reboot the machine."),
  files: z
    .array(
      z.strictObject({
        path: absolute.describe("Absolute path of the file, such as /etc/motd."),
        content: secret(z.string(), { file: true }).describe("Content of the file."),
        permissions: z
          .string()
          .regex(/^0[0-7]{3}$/, 'must be octal in quotes, such as "0644"')
          .default("0644")
          .describe(
            'Permissions in octal and in quotes, such as "0600". Set that for secret content; lab check names what every user may read.',
          ),
        owner: z
          .string()
          .regex(/^[a-z_][\w-]*:[a-z_][\w-]*$/, "must be user:group")
          .default("root:root")
          .describe("Owner and group, such as www-data:www-data."),
      }),
    )
    .default([])
    .describe("Files to write at first boot."),
  ntpServers: z.array(z.string().min(1)).default([]).describe("Time servers, such as [ntp.ubuntu.com]. Defaults to MAAS's."),
  sysctl: z
    .record(
      z.string().regex(/^[a-z][\w.-]*\.[\w.-]+$/, "must be a kernel setting such as net.ipv4.ip_forward"),
      z.union([z.string(), z.number()]),
    )
    .default({})
    .describe("Kernel settings, such as {net.ipv4.ip_forward: 1}. They are kept across reboots."),
  users: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name")
          .describe("Name of the account, such as anna."),
        authorizedKeys: z
          .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) \S+/, "must be a line of authorized_keys"))
          .default([])
          .describe("Public SSH keys that may log in, each as a line of authorized_keys."),
        sudo: z.boolean().default(false).describe("Allow sudo without a password."),
        groups: z.array(z.string()).default([]).describe("Further groups of the account, such as [docker]."),
        shell: absolute.optional().describe("Login shell, such as /bin/zsh. Defaults to /bin/bash."),
      }),
    )
    .default([])
    .describe("Accounts to create besides the program's own."),
  bootCommands: z
    .array(secret(command))
    .default([])
    .describe("Commands to run early in every boot, before the network is up, each a line or a list of words."),
  commands: z
    .array(secret(command))
    .default([])
    .describe("Commands to run once at the end of the first boot, such as [systemctl enable --now nfs-server]."),
});

export type UserDataSettings = z.output<typeof userDataSettings>;

/** What MAAS itself makes on a machine at its first boot, by what asks for it. */
interface MaasSettings {
  vmHost?: "lxd" | "virsh";
  hardwareSync: boolean;
  ephemeral: boolean;
}

const FILES_OF_MAAS = {
  virsh: ["/home/virsh/.bash_profile"],
  lxd: ["/root/lxd.crt"],
  hardwareSync: [
    "/lib/systemd/system/maas_hardware_sync.timer",
    "/lib/systemd/system/maas_hardware_sync.service",
    "/etc/maas/maas-machine-creds.yml",
  ],
  ephemeral: ["/etc/netplan/50-maas.yaml", "/etc/netplan/50-cloud-init.yaml"],
};

/** A user or a file that MAAS makes as well; everything else goes together with what MAAS does. */
function ofMaas(
  path: string,
  userData: UserDataSettings,
  programUser: string,
  { vmHost, hardwareSync, ephemeral }: MaasSettings,
): Problem[] {
  const files = new Map(
    [vmHost, hardwareSync && ("hardwareSync" as const), ephemeral && ("ephemeral" as const)].flatMap((cause) =>
      cause ? FILES_OF_MAAS[cause].map((file) => [file, cause === "lxd" || cause === "virsh" ? `vmHost: ${cause}` : `${cause}: true`]) : [],
    ) as [string, string][],
  );
  const user = (at: string) => ({
    path: at,
    message: "is the account by which MAAS reaches libvirt on this machine",
    found: "virsh",
    fix: "choose another name, or remove vmHost",
  });
  return [
    ...(vmHost === "virsh" && programUser === "virsh" ? [user("homelab:ssh.user")] : []),
    ...userData.users.flatMap(({ name }, index) => (vmHost === "virsh" && name === "virsh" ? [user(`${path}.users[${index}].name`)] : [])),
    ...userData.files.flatMap((file, index) => {
      const cause = files.get(file.path);
      return cause
        ? [
            {
              path: `${path}.files[${index}].path`,
              message: `MAAS writes this file itself on a machine with ${cause}`,
              found: file.path,
              fix: `remove it, or remove ${cause}`,
            },
          ]
        : [];
    }),
  ];
}

/** Users and files given twice, the program's own account, and what MAAS makes itself. */
export function checkUserData(path: string, userData: UserDataSettings, programUser: string, maas: MaasSettings): Problem[] {
  const problems: Problem[] = ofMaas(path, userData, programUser, maas);
  userData.users.forEach((each, index) => {
    if (each.name === programUser) {
      problems.push({
        path: `${path}.users[${index}].name`,
        message: "is the account that the program itself makes and uses",
        found: each.name,
        fix: "remove it; add keys for it under homelab:ssh.authorizedKeys",
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

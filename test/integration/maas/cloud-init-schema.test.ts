import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { type PlainUserData, userData, userDataArgs } from "../../../components/maas/cloud-init";
import { sentUserData } from "../../../components/maas/vendor-data";
import { ensureRootFileSystem } from "../../../rig/machines/root-file-system";
import { parseSettings } from "../../../settings/validate";
import { inClearNow } from "../../support/in-clear";
import { root } from "./lab";

/** cloud-init's own check, by the cloud-init of the embedded lab's machines. */
let system: string;
beforeAll(async () => {
  system = await ensureRootFileSystem(() => undefined);
}, 600_000);

/** In mounts of its own, so that nothing is written into the cached root file system. */
function check(document: string): { status: number | null; output: string } {
  const script =
    'mount -t tmpfs none "$1/tmp" && cat > "$1/tmp/user-data" && exec chroot "$1" cloud-init schema --config-file /tmp/user-data';
  const done = spawnSync("unshare", ["--mount", "sh", "-c", script, "sh", system], { input: document });
  return { status: done.status, output: `${done.stdout}${done.stderr}` };
}

/** The `#cloud-config` of user data: the whole, or the first part of a multipart document. */
function cloudConfigOf(text: string): string {
  if (text.startsWith("#cloud-config\n")) {
    return text;
  }
  const [, first] = text.split(/^--homelab-.*$/m);
  return Buffer.from((first as string).split("\n\n")[1] as string, "base64").toString();
}

const hostKey = {
  privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
  publicKey: "ssh-ed25519 HOST",
};

test.each(["physical", "virtual"])(
  "passes the user data of maas-%s.yaml",
  (name) => {
    const { machines, ssh } = parseSettings(load(fs.readFileSync(path.join(root, `test/fixtures/settings/maas-${name}.yaml`), "utf8")));
    for (const machine of machines) {
      const document = sentUserData(
        userDataArgs({ userData: inClearNow(machine.userData) as PlainUserData, ssh, deployKey: "ssh-ed25519 DEPLOY", hostKey }),
        machine,
      );
      expect({ machine: machine.name, ...check(cloudConfigOf(document)) }).toMatchObject({ status: 0 });
    }
  },
  120_000,
);

const everything = {
  users: [{ name: "a", authorizedKeys: ["ssh-ed25519 A"], sudo: true, groups: ["adm"], shell: "/bin/sh" }],
  hostKey,
  hostname: "node1",
  timezone: "Europe/Berlin",
  packages: ["jq"],
  upgradePackages: true,
  files: [{ path: "/etc/motd", content: "hello\n", defer: true }],
  ntp: { servers: ["192.168.200.1"], pools: ["pool.ntp.org"] },
  sysctl: { "net.ipv4.ip_forward": 1 },
  bootCommands: ["true", ["echo", "boot"]],
  commands: ["true", ["echo", "done"]],
};
test("passes every part there is", () => {
  expect(check(userData(everything))).toMatchObject({ status: 0 });
}, 120_000);

test("passes a user without keys", () => {
  const args = { users: [...everything.users, { name: "nologin", authorizedKeys: [] }] };
  expect(check(userData(args)).output).toContain("'ssh_authorized_keys': []} is not valid");
  expect(check(sentUserData(args, { hardwareSync: false, ephemeral: false }))).toMatchObject({ status: 0 });
}, 120_000);

test.each(["lxd", "virsh"] as const)(
  "passes what is sent to a VM host for %s",
  (vmHost) => {
    const document = cloudConfigOf(sentUserData(everything, { vmHost, hardwareSync: true, ephemeral: false }));
    expect(document).toMatch(/^#cloud-config\n/);
    expect(check(document)).toMatchObject({ status: 0 });
  },
  120_000,
);

test("refuses what cloud-init would not understand", () => {
  expect(check("#cloud-config\nusers: 5\nntp: {servers: 1}\n").status).not.toBe(0);
}, 120_000);

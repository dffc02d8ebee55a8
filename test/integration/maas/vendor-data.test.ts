import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type CloudInitArgs, userData } from "../../../components/maas/cloud-init";
import { sentUserData } from "../../../components/maas/vendor-data";
import { withNodeExporter } from "../../../components/monitoring/machine-exporter";
import { ensureRootFileSystem } from "../../../rig/machines/root-file-system";

/** cloud-init itself merges what MAAS sends with what the stack sends: Debian's cloud-init, in the root file system of the lab's machines. */
let system: string;
beforeAll(async () => {
  system = await ensureRootFileSystem(() => undefined);
}, 600_000);

/** Vendor data as MAAS 3.7 makes it for each kind of machine, shortened to a line of each part. */
const vendorData = {
  virsh: `#cloud-config
ssh_pwauth: true
users: [default, {name: virsh, lock_passwd: false, passwd: "$6$x", shell: /bin/rbash}]
packages: [libvirt-daemon-system, libvirt-clients]
runcmd: [mkdir -p /home/virsh/bin]
write_files: [{path: /home/virsh/.bash_profile, content: PATH=/home/virsh/bin}]
ntp: {servers: [192.168.200.1], pools: [ntp.ubuntu.com]}
system_info: {default_user: {name: ubuntu, gecos: Maas User}}
`,
  lxd: `#cloud-config
write_files: [{path: /root/lxd.crt, content: CERTIFICATE}]
runcmd: [lxd init --auto]
`,
  hardwareSync: `#cloud-config
write_files: [{path: /lib/systemd/system/maas_hardware_sync.timer, content: "[Timer]"}]
runcmd: [systemctl enable maas_hardware_sync.timer]
`,
  ephemeral: `#cloud-config
write_files: [{path: /etc/netplan/50-maas.yaml, content: "network: {}", permissions: "0600"}]
runcmd: [netplan apply --debug]
`,
};

/** Takes both through cloud-init's own handlers and prints what its modules would be given. */
const MERGE = `
import json, os, sys
from cloudinit import sources, stages
from cloudinit.config.modules import Modules
from cloudinit.distros import ug_util
from cloudinit.settings import PER_INSTANCE

class Source(sources.DataSource):
    dsname = "Test"
    def __init__(self, sys_cfg, distro, paths):
        super().__init__(sys_cfg, distro, paths)
        self.metadata = {"instance-id": "i-test"}
        self.userdata_raw = open("/tmp/user-data").read()
        self.vendordata_raw = open("/tmp/vendor-data").read()
    def get_instance_id(self):
        return "i-test"

init = stages.Init()
init.read_cfg()
init.initialize()
init.datasource = Source(init.cfg, init.distro, init.paths)
init.paths.datasource = init.datasource
init.instancify()
init.update()
init.cloudify().run("consume_data", init.consume_data, args=[PER_INSTANCE], freq=PER_INSTANCE)
init._reset()
modules = Modules(init)
users, groups = ug_util.normalize_users_groups(modules.cfg, init.distro)
default, _ = ug_util.extract_default(users)
scripts = "/var/lib/cloud/instances/i-test/scripts"
print(json.dumps({
    "config": modules.cfg, "users": users, "default": default,
    "scripts": {name: open(os.path.join(scripts, name)).read() for name in sorted(os.listdir(scripts))},
}))
`;

interface Merged {
  config: Record<string, any>;
  users: Record<string, any>;
  default: string;
  scripts: Record<string, string>;
}

/** In mounts of its own over a copy that is thrown away, so that nothing is written into the cached root file system. */
function inSystem(command: string[], files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-vendor-data-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      fs.writeFileSync(path.join(folder, name), content);
    }
    const script = `set -e
      mkdir "$2/over" && mount -t tmpfs none "$2/over" && mkdir "$2/over/up" "$2/over/work" "$2/over/root"
      mount -t overlay overlay -o lowerdir="$1",upperdir="$2/over/up",workdir="$2/over/work" "$2/over/root"
      mount -t tmpfs none "$2/over/root/tmp" && mount -t tmpfs none "$2/over/root/run"
      find "$2" -maxdepth 1 -type f -exec cp -p {} "$2/over/root/tmp/" ";"
      root="$2/over/root"; shift 2; exec chroot "$root" "$@"`;
    const done = spawnSync("unshare", ["--mount", "sh", "-c", script, "sh", system, folder, ...command], { encoding: "utf8" });
    if (done.status !== 0) {
      throw new Error(`${command.join(" ")} ended with ${done.status}: ${done.stdout}${done.stderr}`);
    }
    return done.stdout;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function merged(userDataText: string, vendorDataText: string): Merged {
  const files = { "user-data": userDataText, "vendor-data": vendorDataText, "merge.py": MERGE };
  const lines = inSystem(["python3", "/tmp/merge.py"], files).trim().split("\n");
  return JSON.parse(lines[lines.length - 1] as string) as Merged;
}

const args: CloudInitArgs = {
  users: [
    { name: "homelab", authorizedKeys: ["ssh-ed25519 DEPLOY"], sudo: true },
    { name: "guest", authorizedKeys: ["ssh-ed25519 GUEST"], groups: ["adm", "made"], sudo: true },
    { name: "nobody2", authorizedKeys: [] },
  ],
  hostKey: { privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", publicKey: "ssh-ed25519 HOST" },
  packages: ["jq"],
  files: [
    { path: "/etc/homelab/it's a file", content: "$HOME `x` \\ Grüße\n", permissions: "0640", owner: "root:adm" },
    { path: "/etc/empty", content: "" },
  ],
  sysctl: { "net.ipv4.ip_forward": 1 },
  ntp: { servers: ["192.168.200.53"] },
  bootCommands: ["echo boot"],
  commands: ["echo one > /tmp/done", ["sh", "-c", 'echo "it\'s two" >> /tmp/done']],
};
const none = { hardwareSync: false, ephemeral: false };
const kinds = {
  virsh: { ...none, vmHost: "virsh" },
  lxd: { ...none, vmHost: "lxd" },
  hardwareSync: { ...none, hardwareSync: true },
  ephemeral: { ...none, ephemeral: true },
} as const;

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])("MAAS's vendor data of a machine with %s", (kind) => {
  test("is erased by plain user data", () => {
    expect(merged(userData(args), vendorData[kind]).config.runcmd).not.toContain(
      (merged("", vendorData[kind]).config.runcmd as string[])[0],
    );
  }, 120_000);

  test("survives, and what the settings say as well", () => {
    const alone = merged("", vendorData[kind]);
    const both = merged(sentUserData(args, kinds[kind]), vendorData[kind]);
    for (const key of ["runcmd", "write_files", ...(kind === "virsh" ? ["packages", "ssh_pwauth"] : [])]) {
      expect([key, both.config[key]]).toEqual([key, alone.config[key]]);
    }
    expect(both.config.ntp).toMatchObject({ servers: ["192.168.200.53"], pools: [] });
    expect(both.config.bootcmd).toHaveLength(2);
    expect(both.config.ssh_keys.ed25519_public).toBe("ssh-ed25519 HOST");
    // After MAAS's own commands, which cloud-init puts beside it as "runcmd".
    expect(Object.keys(both.scripts)).toEqual(["user-homelab"]);
    expect("user-homelab" > "runcmd").toBe(true);
    if (kind === "virsh") {
      expect(Object.keys(both.users).sort()).toEqual(["homelab", "virsh"]);
      expect(both.default).toBe("homelab");
      expect(both.users.homelab).toMatchObject({ lock_passwd: true, shell: "/bin/bash", sudo: "ALL=(ALL) NOPASSWD:ALL" });
      expect(both.users.virsh).toEqual(alone.users.virsh);
      expect(both.config).toMatchObject({ ssh_authorized_keys: ["ssh-ed25519 DEPLOY"], allow_public_ssh_keys: false, disable_root: true });
      expect(both.scripts["user-homelab"]).toMatch(/apt-get .*--force-confold .* install jq/);
    } else {
      expect(Object.keys(both.users).sort()).toEqual(["guest", "homelab", "nobody2"]);
      expect(both.config).toMatchObject({ packages: ["jq"], ssh_pwauth: false });
      expect(both.scripts["user-homelab"]).not.toContain("useradd");
    }
  }, 120_000);
});

test("files are there before packages are, once; users, kernel settings and commands at the end", () => {
  const { config, scripts } = merged(sentUserData({ ...args, packages: [], sysctl: undefined }, kinds.virsh), vendorData.virsh);
  const run = `set -e; export INSTANCE_ID=i-test; mkdir -p /var/lib/cloud/instances/i-test
    sh /tmp/boot > /dev/null; stat -c '%a %U:%G %n' "/etc/homelab/it's a file" /etc/homelab; cat "/etc/homelab/it's a file"; stat -c %s /etc/empty
    echo changed > /etc/empty; sh /tmp/boot; cat /etc/empty
    sh /tmp/last; echo "status $?"; cat /tmp/done; id -Gn guest; id -un nobody2
    stat -c '%a %U:%G %n' ~guest/.ssh ~guest/.ssh/authorized_keys /etc/sudoers.d/91-homelab-guest
    cat ~guest/.ssh/authorized_keys /etc/sudoers.d/91-homelab-guest; visudo -cq && getent shadow guest | cut -d: -f2`;
  const output = inSystem(["sh", "-c", run], { boot: (config.bootcmd as string[]).join("\n"), last: scripts["user-homelab"] as string });
  expect(output.trim().split("\n")).toEqual([
    ...["640 root:adm /etc/homelab/it's a file", "755 root:root /etc/homelab", "$HOME `x` \\ Grüße", "0"],
    ...["boot", "changed", "status 0", "one", "it's two", "guest adm made", "nobody2"],
    ...[
      "700 guest:guest /home/guest/.ssh",
      "600 guest:guest /home/guest/.ssh/authorized_keys",
      "440 root:root /etc/sudoers.d/91-homelab-guest",
    ],
    ...["ssh-ed25519 GUEST", "guest ALL=(ALL) NOPASSWD:ALL", "!"],
  ]);
}, 120_000);

test("node-exporter comes to a VM host as to any machine: its flags and folder are there before its package", () => {
  const exported = withNodeExporter({ packages: args.packages, files: args.files, bootCommands: args.bootCommands });
  const { config, scripts } = merged(sentUserData({ ...args, ...exported }, kinds.virsh), vendorData.virsh);
  expect(config.packages).toEqual(merged("", vendorData.virsh).config.packages);
  const boot = (config.bootcmd as (string | string[])[]).map((each) => (typeof each === "string" ? each : each.join(" "))).join("\n");
  // In the place of apt-get, which a machine has a mirror for.
  const install =
    'case "$*" in *" install jq prometheus-node-exporter") ls -d /var/lib/node-exporter/textfile; . /etc/default/prometheus-node-exporter;; esac; echo "$ARGS"';
  const run = `set -e; export INSTANCE_ID=i-test; mkdir -p /var/lib/cloud/instances/i-test /tmp/bin; cp /tmp/install /tmp/bin/apt-get; chmod +x /tmp/bin/apt-get
    sh /tmp/boot > /dev/null; PATH=/tmp/bin:$PATH sh /tmp/last; echo "status $?"`;
  const files = { boot, last: scripts["user-homelab"] as string, install: `#!/bin/sh\n${install}\n` };
  const lines = inSystem(["sh", "-c", run], files).trim().split("\n");
  expect(lines[0]).toBe("/var/lib/node-exporter/textfile");
  expect(lines[1]).toMatch(/--collector\.textfile\.directory=\/var\/lib\/node-exporter\/textfile/);
  expect(lines.at(-1)).toBe("status 0");
}, 120_000);

test("a part that fails makes the script fail, after the others were tried", () => {
  const { scripts } = merged(sentUserData({ users: [], commands: ["true", "false"] }, kinds.lxd), vendorData.lxd);
  const packages = merged(
    sentUserData({ users: args.users, packages: ["no-such-package"], commands: ["echo ran"] }, kinds.virsh),
    vendorData.virsh,
  );
  const files = { last: scripts["user-homelab"] as string, packages: packages.scripts["user-homelab"] as string };
  const output = inSystem(["sh", "-c", 'sh /tmp/last || echo "failed"; sh /tmp/packages 2> /dev/null || echo "failed"'], files);
  expect(output.split("\n").filter((line) => line === "failed" || line === "ran")).toEqual(["failed", "ran", "failed"]);
}, 120_000);

import fc from "fast-check";
import { load } from "js-yaml";
import { userData } from "../../../components/maas/cloud-init";

const user = { name: "homelab", authorizedKeys: ["ssh-ed25519 AAAA deploy\n"], sudo: true };

describe("user data", () => {
  test("of a machine with everything", () => {
    expect(
      userData({
        users: [user, { name: "guest", authorizedKeys: [], groups: ["adm"], shell: "/bin/sh" }],
        hostKey: {
          privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nxyz\n-----END OPENSSH PRIVATE KEY-----",
          publicKey: "ssh-ed25519 BBBB\n",
        },
        hostname: "node1",
        timezone: "Europe/Berlin",
        packages: ["open-iscsi", "nfs-common"],
        upgradePackages: true,
        files: [{ path: "/etc/motd", content: "hello\n" }],
        ntp: { servers: ["192.168.200.1"] },
        sysctl: { "net.ipv4.ip_forward": 1, "fs.inotify.max_user_instances": 512 },
        bootCommands: ["echo boot"],
        commands: [["systemctl", "restart", "systemd-timesyncd"], "echo done"],
      }),
    ).toMatchSnapshot();
  });

  test("lets nobody in by password", () => {
    const document = load(userData({ users: [user] })) as any;
    expect(document.ssh_pwauth).toBe(false);
    expect(document.disable_root).toBe(true);
    expect(document.users).toEqual([
      {
        name: "homelab",
        lock_passwd: true,
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        ssh_authorized_keys: ["ssh-ed25519 AAAA deploy"],
      },
    ]);
  });

  test("ends a private key with a newline, as OpenSSH wants it", () => {
    const document = load(userData({ users: [], hostKey: { privateKey: "key", publicKey: "ssh-ed25519 B" } })) as any;
    expect(document.ssh_keys).toEqual({ ed25519_private: "key\n", ed25519_public: "ssh-ed25519 B" });
  });

  test("gives back any file's content as it was, and is the same for the same input", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.stringMatching(/^\/[a-z/]{1,20}$/), (content, path) => {
        const build = () => userData({ users: [user], files: [{ path, content }] });
        expect((load(build()) as any).write_files[0]).toEqual({ path, content, owner: "root:root", permissions: "0644" });
        expect(build()).toBe(build());
      }),
    );
  });
});

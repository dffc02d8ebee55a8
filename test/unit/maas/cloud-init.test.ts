import fc from "fast-check";
import { load } from "js-yaml";
import { userData } from "../../../components/maas/cloud-init";
import { digestOf } from "../../../components/maas/steps/digest";
import { sentUserData } from "../../../components/maas/vendor-data";

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

describe("user data as it is sent", () => {
  const args = {
    users: [user],
    hostname: "node1",
    packages: ["jq"],
    files: [{ path: "/etc/motd", content: "hello\n" }],
    commands: ["true"],
  };
  const none = { hardwareSync: false, ephemeral: false };

  test("is the plain document where MAAS needs none of its keys", () => {
    expect(sentUserData(args, none)).toBe(userData(args));
    expect(sentUserData({ users: [user] }, { vmHost: "lxd", hardwareSync: true, ephemeral: true })).toBe(userData({ users: [user] }));
  });

  test("leaves MAAS the keys that it needs", () => {
    const text = sentUserData(args, { ...none, vmHost: "lxd" });
    expect(text).toMatch(/^Content-Type: multipart\/mixed; boundary="homelab-[0-9a-f]{24}"\nMIME-Version: 1.0\n/);
    const bodies = text.split(/^--homelab-.*$/m).map((part) => Buffer.from(part.split("\n\n")[1] ?? "", "base64").toString());
    expect(bodies.slice(1, 3)).toMatchSnapshot();
    expect(sentUserData(args, { ...none, vmHost: "lxd" })).toBe(text);
  });

  test("is no part of what makes a deployment another one", () => {
    const deployment = { incarnation: "1", ephemeral: false, hardwareSync: true, userData: userData(args) };
    const sent = { ...deployment, sentUserData: sentUserData(args, { ...none, hardwareSync: true }) };
    expect(sent.sentUserData).not.toBe(sent.userData);
    expect(digestOf(sent)).toBe(digestOf(deployment));
  });
});

import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { labName } from "../../../rig/machines/nspawn-hardware";
import { defaultProfile } from "../../../rig/profile";
import { cannotBoot, type Namespace, openNamespace } from "./hardware-harness";

const reason = cannotBoot();
// Far longer than anything takes: it only ends what hangs.
jest.setTimeout(600_000);
if (reason) {
  console.warn(`the tests of real machines are skipped: ${reason}`);
}

const profile = { ...defaultProfile(), durations: { ...defaultProfile().durations, commissioning: 50 } };
const machine = {
  systemId: "abc123",
  hostname: "node-a",
  interfaces: [{ name: "enp1s0", macAddress: "52:54:00:c8:00:01", address: "192.168.200.11/24", gateway: "192.168.200.1" }],
};

// One machine goes through its life from test to test: each boot costs seconds.
(reason ? describe.skip : describe)("a machine that is really there", () => {
  let state: string;
  let namespace: ReturnType<typeof openNamespace>;
  let worker: Namespace;
  let userData: string;

  beforeAll(async () => {
    state = await fs.mkdtemp(path.join(tmpdir(), "machines-"));
    for (const name of ["deploy", "host"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path.join(state, name)]);
    }
    const key = (name: string) => fs.readFile(path.join(state, name), "utf8");
    const hostKey = (await key("host.pub")).trim();
    await fs.writeFile(path.join(state, "known_hosts"), `192.168.200.11 ${hostKey}\n`);
    userData = `#cloud-config\n${JSON.stringify({
      users: [
        { name: "homelab", sudo: "ALL=(ALL) NOPASSWD:ALL", shell: "/bin/bash", ssh_authorized_keys: [(await key("deploy.pub")).trim()] },
      ],
      ssh_keys: { ed25519_private: await key("host"), ed25519_public: hostKey },
      write_files: [{ path: "/etc/from-user-data", content: "as the program said" }],
    })}`;
    namespace = openNamespace();
    worker = namespace;
    await worker.call("open", { stateDirectory: state, profile, userData });
  });

  afterAll(async () => {
    await worker.call("close").catch(() => undefined);
    await worker.kill();
    namespace.close();
    await fs.rm(state, { recursive: true, force: true });
  });

  const ssh = (command: string) =>
    worker.call(
      "shell",
      `ssh -i ${state}/deploy -o UserKnownHostsFile=${state}/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=2 homelab@192.168.200.11 '${command}' 2>&1`,
    );

  /** Asks until the answer is as wanted; the test's own time limit is the end of it. */
  async function until(what: () => Promise<boolean>): Promise<void> {
    while (!(await what())) {
      await sleep(200);
    }
  }

  // Until cloud-init has ended: it may start sshd once more.
  const sshAnswers = () => until(async () => (await ssh("cloud-init status --wait >/dev/null")).code === 0);
  const processOf = async () => Number((await fs.readFile(path.join(state, "machines/machine-1/pid"), "utf8")).split(" ")[0]);
  const groups = async () => {
    const { output } = await worker.call("shell", `find /sys/fs/cgroup -type d -path '*/${labName(state)}/*'`);
    return output.split("\n").filter(Boolean);
  };

  test("commissions: power on, a result, power off", async () => {
    await worker.call("powerOn", machine, { kind: "ephemeral", purpose: "commissioning" });
    await until(async () => (await worker.call("results")).length > 0);
    expect(await worker.call("results")).toEqual([["abc123", { ok: true, scripts: [] }]]);
    expect(await worker.call("powerState", machine)).toBe("off");
  });

  test("runs commissioning scripts in a system in memory and tells how each went", async () => {
    const script = (name: string, lines: string, more: object = {}) => ({ name, content: `#!/bin/sh\n${lines}\n`, ...more });
    const scripts = [
      script("10-address", "ip -4 -brief address show dev enp1s0; cat /proc/1/comm; findmnt -no FSTYPE /"),
      script("20-arguments", 'printf "<%s>" "$@"', { arguments: ["--storage", "it's $HOME"] }),
      script("30-fails", "echo no good >&2; exit 3"),
      script("40-hangs", "sleep 1000", { timeout: 1 }),
    ];
    const before = (await worker.call("results")).length;
    await worker.call("powerOn", machine, { kind: "ephemeral", purpose: "commissioning", scripts });
    expect(await worker.call("powerState", machine)).toBe("on");
    await until(async () => (await worker.call("results")).length > before);
    const [, result] = (await worker.call("results"))[before];
    expect(result).toEqual({
      ok: true,
      scripts: [
        {
          name: "10-address",
          exitStatus: 0,
          stdout: expect.stringMatching(/^enp1s0@\S+ +UP +192\.168\.200\.254\/24 \nsystemd\noverlay\n$/),
          stderr: "",
        },
        { name: "20-arguments", exitStatus: 0, stdout: "<--storage><it's $HOME>", stderr: "" },
        { name: "30-fails", exitStatus: 3, stdout: "", stderr: "no good\n" },
        { name: "40-hangs", exitStatus: 124, stdout: "", stderr: "" },
      ],
    });
    expect(await worker.call("powerState", machine)).toBe("off");
    await expect(fs.stat(path.join(state, "machines/machine-1/memory"))).rejects.toThrow(/ENOENT/);
  });

  test("that is unplugged while it runs them has failed, and so have the scripts that did not end", async () => {
    const before = (await worker.call("results")).length;
    const scripts = [{ name: "50-long", content: "#!/bin/sh\nsleep 1000\n" }];
    await worker.call("powerOn", machine, { kind: "ephemeral", purpose: "testing", scripts });
    process.kill(await processOf(), "SIGKILL");
    await until(async () => (await worker.call("results")).length > before);
    expect((await worker.call("results"))[before][1]).toEqual({
      ok: false,
      error: "the machine went off before it was done",
      scripts: [{ name: "50-long", exitStatus: 1, stdout: "", stderr: "the machine went off before this script had ended\n" }],
    });
  });

  test("does not start from an empty disk", async () => {
    await expect(worker.call("powerOn", machine, { kind: "local" })).rejects.toThrow(
      /machine-1 does not start: there is no operating system/,
    );
    expect(await worker.call("powerState", machine)).toBe("off");
  });

  test("that nobody has plugged in is refused by its MAC address", async () => {
    const stranger = { ...machine, interfaces: [{ name: "eth0", macAddress: "52:54:00:ff:ff:ff" }] };
    await expect(worker.call("powerOn", stranger, { kind: "local" })).rejects.toThrow(
      /52:54:00:ff:ff:ff is plugged in; the lab has 52:54:00:c8:00:01,/,
    );
  });

  test("that a VM host composed is there, until it is decomposed; one that was plugged in stays", async () => {
    const card = { name: "eth0", macAddress: "00:16:3e:00:00:01" };
    const composed = { systemId: "def456", hostname: "guest", interfaces: [card] };
    const disks = [{ name: "vda", size: 8e9, model: "QEMU HARDDISK", serial: "lxd_1" }];
    await worker.call("compose", { cores: 1, memory: 1024, cards: [card], disks });
    const before = (await worker.call("results")).length;
    const scripts = [{ name: "10-address", content: "#!/bin/sh\nip -4 -brief address show dev eth0\n" }];
    await worker.call("powerOn", composed, { kind: "ephemeral", purpose: "commissioning", scripts });
    await until(async () => (await worker.call("results")).length > before);
    expect((await worker.call("results"))[before]).toEqual([
      "def456",
      // The profile has five machines: the lab's sixth address from the end.
      { ok: true, scripts: [expect.objectContaining({ exitStatus: 0, stdout: expect.stringContaining(" 192.168.200.249/24 ") })] },
    ]);
    expect(JSON.parse(await fs.readFile(path.join(state, "composed.json"), "utf8"))).toMatchObject([{ name: "vm-1", cards: [card] }]);
    await worker.call("decompose", composed);
    await expect(worker.call("powerState", composed)).rejects.toThrow(/00:16:3e:00:00:01 is plugged in/);
    await worker.call("decompose", machine);
    expect(await worker.call("powerState", machine)).toBe("off");
  });

  test("is deployed: cloud-init fetches the user data with MAAS's credentials, applies it and reports", async () => {
    await worker.call("deploy", machine);
    expect(await worker.call("powerState", machine)).toBe("on");
    await until(async () =>
      (await worker.call("reports")).some(({ name, event_type }) => name === "modules-final" && event_type === "finish"),
    );
    const requests = await worker.call("requests");
    expect(requests.map((request) => request.path)).toContain("/MAAS/metadata/2012-03-01/user-data");
    for (const { authorization } of requests) {
      expect(authorization).toContain('oauth_consumer_key="consumer", oauth_token="token"');
    }
    const failed = (await worker.call("reports")).filter(({ result }) => result === "FAIL");
    expect(failed).toEqual([]);
  });

  test("answers SSH with the pinned host key, to the deployed key, and has no other host key", async () => {
    await sshAnswers();
    expect((await ssh("cat /etc/from-user-data; hostname")).output).toBe("as the program saidnode-a\n");
    expect((await ssh("ls /etc/ssh/ | grep _key")).output.split("\n").filter(Boolean)).toEqual([
      "ssh_host_ed25519_key",
      "ssh_host_ed25519_key.pub",
    ]);
    expect((await ssh("cloud-init status")).output).toBe("status: done\n");
    expect((await ssh("systemctl list-units --failed --no-legend --plain")).output).toBe("");
  });

  test("has systemd as PID 1, its own identity, MAC address and kernel settings that kubelet accepts", async () => {
    expect((await ssh("cat /proc/1/comm")).output).toBe("systemd\n");
    expect((await ssh("cat /sys/class/net/enp1s0/address")).output).toBe("52:54:00:c8:00:01\n");
    expect((await ssh("cat /etc/machine-id")).output).toMatch(/^[0-9a-f]{32}\n$/);
    expect((await ssh("test -c /dev/kmsg && findmnt -no FSTYPE -T /var/lib/rancher")).output).not.toMatch(/overlay/);
    expect((await ssh("systemctl is-active containerd etcd")).output).toBe("inactive\ninactive\n");
  });

  test("sees only control groups of its own and may make more, which lie below the lab's", async () => {
    const script = [
      "for group in /sys/fs/cgroup/memory /sys/fs/cgroup; do test -e $group/cgroup.procs && break; done",
      "sudo mkdir $group/kubepods && grep -cx 1 $group/cgroup.procs",
    ].join("; ");
    expect((await ssh(script)).output).toMatch(/^[01]\n$/);
    expect((await groups()).filter((folder) => folder.endsWith("/kubepods"))).toEqual([
      expect.stringContaining(`${labName(state)}/machine-1/machine/kubepods`),
    ]);
  });

  test("runs a container under containerd and runc with a memory limit", async () => {
    const script = [
      "sudo systemctl start containerd",
      "mkdir -p rootfs",
      'cp --parents /usr/bin/echo $(ldd /usr/bin/echo | grep -o "/lib[^ ]*") rootfs/',
      "sudo ctr run --rm --rootfs --memory-limit 64000000 $PWD/rootfs test /usr/bin/echo contained",
      "sudo systemctl stop containerd",
    ].join(" && ");
    expect(await ssh(script)).toEqual({ code: 0, output: "contained\n" });
  });

  test("goes on running when the simulator is killed, and the next one finds it", async () => {
    const before = await processOf();
    await worker.kill();
    worker = namespace.again();
    await worker.call("open", { stateDirectory: state, profile, userData });
    expect(await worker.call("powerState", machine)).toBe("on");
    expect(await processOf()).toBe(before);
    expect((await ssh("hostname")).output).toBe("node-a\n");
  });

  test("that reboots comes back, also when an earlier simulator has started it", async () => {
    const boot = (await ssh("cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic")).output;
    await ssh("sudo reboot");
    await until(async () => {
      const now = await ssh("cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic");
      return now.code === 0 && now.output !== boot;
    });
    expect(await worker.call("powerState", machine)).toBe("on");
  });

  test("that is killed is off, leaves no process, and starts again from its disk without asking MAAS", async () => {
    process.kill(await processOf(), "SIGKILL");
    await until(async () => (await worker.call("powerState", machine)) === "off");
    await until(async () => (await groups()).length === 0);
    await worker.call("powerOn", machine, { kind: "local" });
    await sshAnswers();
    expect((await ssh("cat /etc/from-user-data")).output).toBe("as the program said");
    expect(await worker.call("requests")).toEqual([]);
  });

  test("is stopped cleanly when asked softly: its services had time to end", async () => {
    await ssh(
      'sudo sh -c "printf \\"[Service]\\\\nType=oneshot\\\\nRemainAfterExit=yes\\\\nExecStop=/bin/touch /var/lib/rancher/ended\\\\n\\" > /etc/systemd/system/last.service; systemctl start last"',
    );
    await worker.call("powerOff", machine, "soft");
    expect(await worker.call("powerState", machine)).toBe("off");
    const ended = path.join(state, "machines/machine-1/disk/data/rancher/ended");
    await expect(fs.stat(ended)).resolves.toBeDefined();
    expect(await groups()).toEqual([]);
  });

  test("that shuts itself down is off", async () => {
    await worker.call("powerOn", machine, { kind: "local" });
    await sshAnswers();
    await ssh("sudo poweroff");
    await until(async () => (await worker.call("powerState", machine)) === "off");
    await until(async () => (await groups()).length === 0);
  });

  test("is restarted by the next simulator when it should run and does not", async () => {
    await worker.call("powerOn", machine, { kind: "local" });
    await worker.kill();
    process.kill(await processOf(), "SIGKILL");
    worker = namespace.again();
    await worker.call("open", { stateDirectory: state, profile, userData });
    expect(await worker.call("powerState", machine)).toBe("on");
    await sshAnswers();
  });

  test("is stopped by cleaning up after a simulator that was killed", async () => {
    await worker.kill();
    worker = namespace.again();
    await worker.call("clean", state);
    expect(await groups()).toEqual([]);
    expect((await worker.call("shell", "ip -brief link show master homelab0")).output).toBe("");
    await worker.call("open", { stateDirectory: state, profile, userData });
  });

  test("that is wiped has no disk any more", async () => {
    await worker.call("wipe", machine);
    expect(await worker.call("powerState", machine)).toBe("off");
    await expect(fs.stat(path.join(state, "machines/machine-1/disk"))).rejects.toThrow(/ENOENT/);
  });

  test("boots from a copy where the state lies on an overlay, as in a development container", async () => {
    const inOverlay = path.join(state, "merged");
    await worker.call(
      "shell",
      `cd ${state} && mkdir lower upper work merged && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged`,
    );
    await worker.call("close");
    await worker.kill();
    worker = namespace.again();
    await worker.call("open", { stateDirectory: inOverlay, profile, userData });
    await worker.call("deploy", machine);
    await sshAnswers();
    expect((await ssh("findmnt -no FSTYPE /; cat /etc/from-user-data")).output).toBe("overlay\nas the program said");
    expect((await worker.call("shell", `cat ${inOverlay}/machines/machine-1/disk/installed`)).output).toBe("copy");
    // MAAS's way to switch off, unless told otherwise: nothing in the machine gets to know.
    await ssh('sudo systemd-run --unit last --property ExecStop="/usr/bin/touch /var/lib/rancher/ended" sleep infinity');
    await worker.call("powerOff", machine);
    expect(await worker.call("powerState", machine)).toBe("off");
    expect((await worker.call("shell", `ls ${inOverlay}/machines/machine-1/disk/data/rancher`)).output).toBe("");
    await worker.call("wipe", machine);
  });
});

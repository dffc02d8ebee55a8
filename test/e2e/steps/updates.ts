import { eventually, failureOf, type TestLab } from "../support/lab";
import type { LabMachine } from "../support/machines";
import { changeSettings } from "../support/settings";

const minutes = 60_000;

/** Differs after each start of a machine. */
const startOf = (machine: LabMachine) => machine.run("cut", "--delimiter", " ", "--fields", "22", "/proc/1/stat");
const PROBE = "homelab-probe";
const ARCHIVE = "/srv/updates";

/** Shell text that makes a package archive in a folder, with one package that says, as a kernel's does, that a restart finishes its update. */
function archiveWith(version: string): string {
  const control = `Package: ${PROBE}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <nobody@home.arpa>\nDescription: probe`;
  return `set -e
build=$(mktemp -d)
mkdir -p "$build/DEBIAN" ${ARCHIVE}
printf '%s\\n' '${control.replaceAll("\n", "' '")}' >"$build/DEBIAN/control"
printf '#!/bin/sh\\ntouch /run/reboot-required\\n' >"$build/DEBIAN/postinst"
chmod 755 "$build" "$build/DEBIAN/postinst"
file=${PROBE}_${version}_all.deb
dpkg-deb --build "$build" "${ARCHIVE}/$file" >/dev/null
{
  cat "$build/DEBIAN/control"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$file" "$(stat -c %s "${ARCHIVE}/$file")" "$(sha256sum "${ARCHIVE}/$file" | cut -d' ' -f1)"
} >${ARCHIVE}/Packages
`;
}

/**
 * Updates of the machines' systems by `lab upgrade os`, from a package archive on each machine: there is no other in the embedded lab. Then
 * restarts that the machines take in turn by themselves.
 *
 * @param machines `node1` to `node4`, the last an agent
 * @param withClients runs work while somebody asks the API and syncs tasks
 */
export function updateSteps(
  lab: TestLab,
  machines: readonly LabMachine[],
  withClients: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): void {
  it(
    "updates the systems of its machines and restarts them one after another, and answers meanwhile",
    async () => {
      const version = (machine: LabMachine) => machine.run("dpkg-query", "--show", "--showformat", "${Version}", PROBE);
      const sources = `rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:${ARCHIVE} ./' >/etc/apt/sources.list`;
      for (const machine of machines) {
        await machine.run(
          "sh",
          "-c",
          `${archiveWith("1.0")}${sources}\napt-get -qq update && apt-get -qq install ${PROBE} >/dev/null 2>&1; rm -f /run/reboot-required`,
        );
        await machine.run("sh", "-c", archiveWith("1.1"));
      }
      const before = await Promise.all(machines.map(startOf));
      await eventually("the lab is well", 120, async () => (await lab.lab("status")).code === 0);

      const updated = await withClients("systems updated, machines restarted", () => lab.lab("upgrade", "os", "--yes"));
      expect(failureOf(updated)).toBe("");
      expect(updated.output).toContain("node1 ▶ node2 ▶ node3 ▶ node4");
      expect(await Promise.all(machines.map(version))).toEqual(Array(machines.length).fill("1.1"));
      const after = await Promise.all(machines.map(startOf));
      expect(after.filter((each, index) => each === before[index])).toEqual([]);
      expect(updated.stdout).not.toContain("An update waits for a restart");
      const nodes = await machines[0].kubectl("get", "nodes", "--output", "jsonpath={.items[*].spec.unschedulable}");
      expect(nodes).toBe("");

      // Nothing is left to do, so nothing restarts.
      const again = await lab.lab("upgrade", "os", "--packages", "security", "--restart", "never", "--yes", "node2");
      expect([again.code, again.output]).toEqual([1, expect.stringContaining("installing unattended-upgrades: it failed")]);
      const quiet = await lab.lab("upgrade", "os", "--yes");
      expect(failureOf(quiet)).toBe("");
      expect(quiet.output).toContain("node4: 0 packages changed");
      expect(await Promise.all(machines.map(startOf))).toEqual(after);
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
      await eventually("all servers vote", 60, async () => (await lab.lab("status")).code === 0);
    },
    15 * minutes,
  );

  it(
    "restarts machines that wait for it in their window, one at a time and by themselves",
    async () => {
      changeSettings(lab, (config) => {
        config["homelab:updates"] = { restart: "window", from: "00:00", to: "00:00" };
      });
      expect(failureOf(await lab.lab("up"))).toBe("");
      const before = await Promise.all(machines.map(startOf));
      const waiting = [1, 3].map((index) => machines[index]);
      for (const machine of waiting) {
        await machine.run("touch", "/run/reboot-required");
      }
      let most = 0;
      await withClients("restarted in the window", () =>
        eventually("both are restarted and back in service", 300, async () => {
          for (const machine of machines) {
            await machine.run("systemctl", "start", "homelab-updates.service").catch(() => "");
          }
          const asked =
            "jsonpath={range .items[*]}{.metadata.name} {.spec.unschedulable} {.metadata.annotations.homelab\\.internal/restart};{end}";
          const nodes = (await machines[0].kubectl("get", "nodes", "--output", asked)).split(";").filter(Boolean);
          most = Math.max(most, nodes.filter((node) => node.includes("true")).length);
          const starts = await Promise.all(machines.map((machine) => startOf(machine).catch(() => "")));
          const gone = waiting.every((machine) => starts[machines.indexOf(machine)] !== before[machines.indexOf(machine)]);
          return gone && !starts.includes("") && nodes.every((node) => /^node\d {2}$/.test(node));
        }),
      );
      expect(most).toBe(1);
      const after = await Promise.all(machines.map(startOf));
      expect(after.map((each, index) => each !== before[index])).toEqual([false, true, false, true]);

      changeSettings(lab, (config) => {
        delete config["homelab:updates"];
      });
      expect(failureOf(await lab.lab("up"))).toBe("");
      for (const machine of machines) {
        expect(
          await machine.run("sh", "-c", "systemctl is-enabled homelab-updates.timer 2>/dev/null || true; ls /etc/homelab"),
        ).not.toMatch(/enabled|updates/);
      }
    },
    15 * minutes,
  );
}

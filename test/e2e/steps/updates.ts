import { eventually, failureOf, type TestLab } from "../support/lab";
import type { LabMachine } from "../support/machines";

const minutes = 60_000;
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
 * Updates of the machines' systems by `lab upgrade os`, from a package archive on each machine: there is no other in the embedded lab.
 *
 * @param servers machines that are servers now, `node1` first
 * @param withClients runs work while somebody asks the API and syncs tasks
 */
export function updateSteps(
  lab: TestLab,
  servers: readonly LabMachine[],
  withClients: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): void {
  it(
    "updates the systems of its servers and restarts them one after another, and answers meanwhile",
    async () => {
      const first = (server: LabMachine) => server.run("sh", "-c", "stat --format %Z /run");
      const version = (server: LabMachine) => server.run("dpkg-query", "--show", "--showformat", "${Version}", PROBE);
      const sources = `rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:${ARCHIVE} ./' >/etc/apt/sources.list`;
      for (const server of servers) {
        await server.run(
          "sh",
          "-c",
          `${archiveWith("1.0")}${sources}\napt-get -qq update && apt-get -qq install ${PROBE} >/dev/null 2>&1; rm -f /run/reboot-required`,
        );
        await server.run("sh", "-c", archiveWith("1.1"));
      }
      const before = await Promise.all(servers.map(first));
      await eventually("the lab is well", 120, async () => (await lab.lab("status")).code === 0);

      const updated = await withClients("systems updated, machines restarted", () => lab.lab("upgrade", "os", "--yes"));
      expect(failureOf(updated)).toBe("");
      expect(updated.output).toContain("node1 ▶ node2 ▶ node3");
      expect(await Promise.all(servers.map(version))).toEqual(Array(servers.length).fill("1.1"));
      const after = await Promise.all(servers.map(first));
      expect(after.filter((each, index) => each === before[index])).toEqual([]);
      expect(updated.stdout).not.toContain("An update waits for a restart");
      const nodes = await servers[0].kubectl("get", "nodes", "--output", "jsonpath={.items[*].spec.unschedulable}");
      expect(nodes).toBe("");

      // Nothing is left to do, so nothing restarts.
      const again = await lab.lab("upgrade", "os", "--packages", "security", "--restart", "never", "--yes", "node2");
      expect([again.code, again.output]).toEqual([1, expect.stringContaining("installing unattended-upgrades: it failed")]);
      const quiet = await lab.lab("upgrade", "os", "--yes");
      expect(failureOf(quiet)).toBe("");
      expect(quiet.output).toContain("node3: 0 packages changed");
      expect(await Promise.all(servers.map(first))).toEqual(after);
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
      await eventually("all servers vote", 60, async () => (await lab.lab("status")).code === 0);
    },
    15 * minutes,
  );
}

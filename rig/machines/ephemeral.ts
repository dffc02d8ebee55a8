import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { EphemeralScript, HardwareInterface, ScriptOutcome } from "../hardware";
import { machineSupport, type SeedFile } from "./seed";

/** Where the scripts and what they say lie in the machine; under `data` on the computer, see `boot.sh`. */
const scriptsFolder = "scripts";

/** The unit that runs what MAAS sent and then switches the machine off, whatever came of it. */
const unit = (interfaces: readonly HardwareInterface[]): string => `[Unit]
Description=Run the scripts that MAAS sent
After=network.target systemd-networkd-wait-online.service
SuccessAction=poweroff
FailureAction=poweroff

[Service]
Type=oneshot
${interfaces
  .filter(({ address }) => address)
  .map(({ name }) => `ExecStartPre=/bin/sh -c '${awaitAddress(name)}'\n`)
  .join("")}ExecStart=/bin/sh /var/lib/${scriptsFolder}/run
TimeoutStartSec=infinity
`;

/** Scripts count on the network, which on a busy computer may come after them. The wait ends after 30 seconds. */
const awaitAddress = (card: string): string =>
  `tries=150; until ip -4 -brief address show dev ${card} | grep -q UP; do [ $$tries -gt 0 ] || exit 0; tries=$$((tries - 1)); sleep 0.2; done`;

/** One folder a script, in order. Exit status 124 is timeout's. The variables are MAAS's own. */
const runner = `#!/bin/sh
cd /var/lib/${scriptsFolder}
for folder in [0-9]*; do
  export OUTPUT_RESULT_PATH="$PWD/$folder/result" OUTPUT_STDOUT_PATH="$PWD/$folder/stdout" OUTPUT_STDERR_PATH="$PWD/$folder/stderr"
  export OUTPUT_COMBINED_PATH=/dev/null DOWNLOAD_PATH="$PWD/$folder" HAS_STARTED=False
  sh "$folder/command" > "$folder/stdout" 2> "$folder/stderr"
  echo $? > "$folder/exit-status"
done
`;

/** The files of an operating system in memory: no cloud-init, the cards' addresses, and the unit if there are scripts. */
export function ephemeralFiles(
  hostname: string,
  machineId: string,
  interfaces: readonly HardwareInterface[],
  runsScripts: boolean,
): SeedFile[] {
  return [
    { path: "etc/machine-id", mode: 0o444, content: `${machineId}\n` },
    { path: "etc/hostname", mode: 0o644, content: `${hostname}\n` },
    { path: "etc/hosts", mode: 0o644, content: `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n` },
    { path: "etc/resolv.conf", mode: 0o644, content: "" },
    { path: "etc/cloud/cloud-init.disabled", mode: 0o644, content: "" },
    ...interfaces.map((card) => ({ path: `etc/systemd/network/10-${card.name}.network`, mode: 0o644, content: networkFile(card) })),
    ...machineSupport,
    ...(runsScripts
      ? [
          { path: "etc/systemd/system/lab-scripts.service", mode: 0o644, content: unit(interfaces) },
          { path: "etc/systemd/system/multi-user.target.wants/lab-scripts.service", link: "../lab-scripts.service" },
        ]
      : []),
  ];
}

function networkFile({ name, address, gateway }: HardwareInterface): string {
  const lines = [
    "[Match]",
    `Name=${name}`,
    "",
    "[Link]",
    "RequiredForOnline=no",
    "",
    "[Network]",
    "LinkLocalAddressing=no",
    "IPv6AcceptRA=no",
  ];
  if (address) {
    lines.push(`Address=${address}`, ...(gateway ? [`Gateway=${gateway}`] : []));
  }
  return `${lines.join("\n")}\n`;
}

/** Lays the scripts out in the `data` folder of an ephemeral disk. */
export async function writeScripts(data: string, scripts: readonly EphemeralScript[]): Promise<void> {
  const folder = path.join(data, scriptsFolder);
  await fs.mkdir(folder, { recursive: true });
  await fs.writeFile(path.join(folder, "run"), runner);
  for (const [index, script] of scripts.entries()) {
    const place = path.join(folder, String(index).padStart(3, "0"));
    await fs.mkdir(place);
    await fs.writeFile(path.join(place, "script"), script.content, { mode: 0o755 });
    const words = [
      "exec",
      "timeout",
      String(script.timeout ?? 0),
      `./${path.basename(place)}/script`,
      ...(script.arguments ?? []).map(quote),
    ];
    await fs.writeFile(path.join(place, "command"), `${words.join(" ")}\n`);
  }
}

/** A word that means itself to a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What became of the scripts. One that did not run to its end, because the machine went off before, has failed. */
export async function readOutcomes(data: string, scripts: readonly EphemeralScript[]): Promise<(ScriptOutcome & { ran: boolean })[]> {
  const outcomes: (ScriptOutcome & { ran: boolean })[] = [];
  for (const [index, { name }] of scripts.entries()) {
    const place = path.join(data, scriptsFolder, String(index).padStart(3, "0"));
    const read = (file: string) => fs.readFile(path.join(place, file), "utf8").catch(() => "");
    const status = (await read("exit-status")).trim();
    const stderr = await read("stderr");
    outcomes.push(
      status === ""
        ? {
            name,
            ran: false,
            exitStatus: 1,
            stdout: await read("stdout"),
            stderr: `${stderr}the machine went off before this script had ended\n`,
          }
        : { name, ran: true, exitStatus: Number(status), stdout: await read("stdout"), stderr },
    );
  }
  return outcomes;
}

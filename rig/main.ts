import * as path from "node:path";
import { parseArgs } from "node:util";
import { isUserError, UserError } from "../components/core/user-error";
import { cleanLab, startLab } from "./embedded-lab";
import { defaultProfile, readProfile } from "./profile";

const usage = `Usage: node --require ./load-typescript.cjs rig/main.ts [clean] --state FOLDER [options]

Runs the embedded lab (simulated MAAS, machines, artefact mirror) until SIGTERM or SIGINT, and prints one line of JSON
when it answers. 'clean' removes what a lab that was killed has left: processes, bridge, control groups.

  --state FOLDER      everything the lab remembers: MAAS's database, API key, the machines' disks
  --bridge NAME       network bridge to make (homelab0)
  --subnet NETWORK    the machines' network; this computer gets its first address (192.168.200.0/24)
  --profile FILE      JSON file with the machines that are plugged in (five small ones)
  --maas-port PORT    (5240)
  --mirror-port PORT  (5248)
`;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (!values.state || positionals.length > 1 || (positionals[0] ?? "clean") !== "clean") {
    throw new UserError({
      path: "rig/main.ts",
      message: values.state ? `unknown command ${positionals.join(" ")}` : "--state is missing",
      fix: usage,
    });
  }
  const log = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const options = { state: path.resolve(values.state), bridge: values.bridge, subnet: values.subnet, log };
  if (positionals[0] === "clean") {
    return cleanLab(options);
  }
  const profile = values.profile ? await readProfile(values.profile) : defaultProfile();
  // Asked to stop while it is still starting: finish the start, then stop, so that nothing is left half made.
  const stop = new Promise<void>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(name, () => resolve());
    }
  });
  const lab = await startLab({
    ...options,
    profile,
    maasPort: port("--maas-port", values["maas-port"]),
    mirrorPort: port("--mirror-port", values["mirror-port"]),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: lab.url, mirror: lab.mirror })}\n`);
  await stop;
  log("stopping");
  await lab.close();
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        state: { type: "string" },
        bridge: { type: "string", default: "homelab0" },
        subnet: { type: "string", default: "192.168.200.0/24" },
        profile: { type: "string" },
        "maas-port": { type: "string", default: "5240" },
        "mirror-port": { type: "string", default: "5248" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UserError({ path: "rig/main.ts", message: (error as Error).message, fix: usage });
  }
}

function port(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new UserError({ path: option, message: "not a port", found: text, allowed: "1 to 65535" });
  }
  return number;
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${isUserError(error) ? error.message : error.stack}\n`);
    process.exit(isUserError(error) ? 2 : 1);
  },
);

/**
 * The MAAS simulator by itself, above hardware that only takes time: for benchmarks, for other clients, for replays.
 *
 *   node --require ./load-typescript.cjs rig/maas/serve.ts [--host 127.0.0.1] [--port 5240] [--state DIR] [--profile FILE] [--keys FILE]
 *
 * The profile is JSON: `region` (a RegionProfile), `hardware` (a TimedProfile; patterns of `match` between slashes) and
 * `users` (names of plain users to make). API keys go to the keys file (mode 0600), never to the output. Prints one line
 * of JSON when it listens; SIGTERM ends it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createMaas } from "./index";
import type { RegionProfile } from "./options";
import { TimedHardware, type TimedMachine, type TimedProfile } from "./timed-hardware";

interface ServeProfile {
  region?: RegionProfile;
  hardware?: TimedProfile;
  users?: string[];
}

function withPatterns(hardware: TimedProfile = {}): TimedProfile {
  const machines = hardware.machines?.map((machine): TimedMachine => {
    const pattern = typeof machine.match === "string" ? /^\/(.*)\/$/.exec(machine.match)?.[1] : undefined;
    return pattern === undefined ? machine : { ...machine, match: new RegExp(pattern) };
  });
  return { ...hardware, machines };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "5240" },
      state: { type: "string" },
      profile: { type: "string" },
      keys: { type: "string" },
    },
  });
  const profile: ServeProfile = values.profile ? (JSON.parse(readFileSync(values.profile, "utf8")) as ServeProfile) : {};
  const hardware = new TimedHardware(withPatterns(profile.hardware));
  const maas = createMaas({ hardware, stateDirectory: values.state, profile: profile.region });
  const users: Record<string, string> = {};
  for (const name of profile.users ?? []) users[name] = await maas.createUser(name);
  if (values.keys) writeFileSync(values.keys, `${JSON.stringify({ admin: maas.adminApiKey(), users })}\n`, { mode: 0o600 });
  const url = await maas.listen(values.host, Number(values.port));
  process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`);
  const stop = () => void hardware.close().then(() => maas.close());
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

main().catch((error) => {
  process.stderr.write(`maas simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});

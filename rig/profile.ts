import * as fs from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../components/core/user-error";

/** One card of a machine that is plugged into the lab's network. */
const card = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9]{0,14}$/, "an interface name such as enp1s0"),
  macAddress: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "a MAC address in lower case such as 52:54:00:c8:00:01"),
});

const disk = z.strictObject({
  name: z.string(),
  /** Bytes, as MAAS counts them. */
  size: z.number().int().positive(),
  model: z.string(),
  serial: z.string(),
});

const machine = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, "a name in lower case"),
  architecture: z.enum(["amd64/generic", "arm64/generic"]),
  cores: z.number().int().positive(),
  /** MiB, as MAAS counts it. */
  memory: z.number().int().positive(),
  cards: z.array(card).min(1),
  disks: z.array(disk),
});

/** How long the simulated parts take, in milliseconds. */
const durations = z.strictObject({
  /** From power on to a result, for each purpose of an ephemeral boot that is timed. */
  commissioning: z.number().nonnegative(),
  testing: z.number().nonnegative(),
  erasing: z.number().nonnegative(),
  /** What a clean stop may take before the plug is pulled. */
  powerOff: z.number().nonnegative(),
});

const profile = z.strictObject({
  machines: z.array(machine).min(1),
  durations,
});

/** A machine that stands in the lab, known to MAAS or not: what its owner can read off its case. */
export type InventoryMachine = z.infer<typeof machine>;

/** The hardware of the embedded lab. */
export type Profile = z.infer<typeof profile>;

/** Small computers of one kind, each with cards of these MAC addresses; it boots from the first. */
export function smallComputers(macAddresses: readonly (readonly string[])[]): InventoryMachine[] {
  return macAddresses.map((cards, index) => ({
    name: `machine-${index + 1}`,
    architecture: process.arch === "arm64" ? "arm64/generic" : "amd64/generic",
    cores: 2,
    memory: 4096,
    cards: cards.map((macAddress, card) => ({ name: `enp${card + 1}s0`, macAddress })),
    disks: [{ name: "sda", size: 64_000_000_000, model: "Lab Disk", serial: `LAB${String(index + 1).padStart(4, "0")}` }],
  }));
}

/** Five small computers, with the MAC addresses 52:54:00:c8:00:01 to :05. */
export function defaultProfile(): Profile {
  return {
    machines: smallComputers([1, 2, 3, 4, 5].map((number) => [`52:54:00:c8:00:0${number}`])),
    durations: { commissioning: 2_000, testing: 1_000, erasing: 1_000, powerOff: 10_000 },
  };
}

/** Reads a profile from a JSON file; what it leaves out is as in the default. Throws `UserError`. */
export async function readProfile(file: string): Promise<Profile> {
  let given: unknown;
  try {
    given = JSON.parse(await fs.readFile(file, "utf8"));
  } catch (error) {
    throw new UserError({ path: "--profile", message: `profile ${file} cannot be read as JSON`, found: (error as Error).message });
  }
  const standard = defaultProfile();
  const partial = (given ?? {}) as Partial<Profile>;
  const result = profile.safeParse({ ...standard, ...partial, durations: { ...standard.durations, ...partial.durations } });
  if (!result.success) {
    throw new UserError(
      result.error.issues.map((issue) => ({ path: issue.path.join(".") || "(top)", message: issue.message })),
      `profile ${file} is not valid:`,
    );
  }
  const seen = new Map<string, string>();
  for (const { name, cards } of result.data.machines) {
    for (const key of [name, ...cards.map(({ macAddress }) => macAddress)]) {
      const owner = seen.get(key);
      if (owner) {
        throw new UserError({
          path: "--profile",
          message: `profile ${file}: ${key} is there twice, in ${owner} and in ${name}`,
          fix: "give each machine a name and MAC addresses of its own",
        });
      }
      seen.set(key, name);
    }
  }
  return result.data;
}

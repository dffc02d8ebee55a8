import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { UserError } from "../components/core/user-error";

const PATH = "homelab:inventory";
/** A thousand machines with disks and interfaces take some 2 MiB. */
const LARGEST_FILE = 16 << 20;
const MOST_FILES = 5000;
/** Values of one file, each alias counted as often as it stands: twenty times those of a thousand machines. */
const MOST_VALUES = 2_000_000;

/** Settings with the machines of the inventory among them. */
export interface WithInventory {
  raw: Record<string, unknown>;
  /** Where each of `raw.machines` was written, for error messages: `homelab:machines[0]`, `machines/rack1.yaml[3]`. */
  origins: string[];
}

/**
 * Adds the machines of `homelab:inventory` to those of `homelab:machines`: a YAML file with a list of machines, or a
 * folder of such files, taken in the order of their names. A file may also hold a single machine.
 *
 * The engine hands all settings to the program in one environment variable, which Linux limits to 128 KiB: some 300 machines.
 *
 * @param folder what the path is relative to: the folder of Pulumi.yaml
 * @throws UserError naming the file and what is wrong with it
 */
export function withInventory(raw: Record<string, unknown>, folder: string): WithInventory {
  const own = Array.isArray(raw.machines) ? (raw.machines as unknown[]) : [];
  const origins = own.map((_, index) => `homelab:machines[${index}]`);
  if (raw.inventory === "") {
    // Pulumi.yaml's default of a text that may be left out.
    const { inventory: _, ...others } = raw;
    return { raw: others, origins };
  }
  if (typeof raw.inventory !== "string") {
    return { raw, origins };
  }
  const machines = [...own];
  for (const file of inventoryFiles(raw.inventory, folder)) {
    const shown = path.relative(folder, file);
    const found = read(file, shown);
    for (const [index, machine] of (Array.isArray(found) ? found : [found]).entries()) {
      machines.push(machine);
      origins.push(Array.isArray(found) ? `${shown}[${index}]` : shown);
    }
  }
  return { raw: { ...raw, machines }, origins };
}

/** Puts the places where machines were written in place of their positions in all machines. */
export function atOrigin(text: string, origins: readonly string[]): string {
  return text.replace(/homelab:machines\[(\d+)\]/g, (whole, index: string) => origins[Number(index)] ?? whole);
}

/**
 * The files of an inventory.
 *
 * @param given as `homelab:inventory` says it
 * @param folder what that is relative to
 * @throws UserError where there are none
 */
export function inventoryFiles(given: string, folder: string): string[] {
  const target = path.resolve(folder, given);
  const found = fs.statSync(target, { throwIfNoEntry: false });
  if (!found) {
    throw new UserError({
      path: PATH,
      message: "there is no such file or folder",
      found: given,
      fix: "give the path relative to the folder of Pulumi.yaml",
    });
  }
  if (!found.isDirectory()) {
    return [regular(target, given)];
  }
  const names = fs.readdirSync(target).filter((name) => /\.ya?ml$/.test(name));
  if (names.length === 0 || names.length > MOST_FILES) {
    throw new UserError({
      path: PATH,
      message: names.length === 0 ? "the folder has no YAML file" : "the folder has too many files",
      found: given,
      allowed: `1 to ${MOST_FILES} files whose names end in .yaml`,
      fix: "put the machines there, one list or one machine in each file",
    });
  }
  return names.sort().map((name) => regular(path.join(target, name), path.join(given, name)));
}

/** A device or a pipe would be read for ever. */
function regular(file: string, given: string): string {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new UserError({
      path: PATH,
      message: "is no file",
      found: given,
      allowed: "a YAML file, or a folder of such files",
      fix: "put a file with the machines there",
    });
  }
  return file;
}

function read(file: string, shown: string): unknown {
  const { size } = fs.statSync(file);
  if (size > LARGEST_FILE) {
    throw new UserError({
      path: shown,
      message: "the file is too large",
      found: `${size >> 20} MiB`,
      allowed: `${LARGEST_FILE >> 20} MiB`,
      fix: "split it",
    });
  }
  let parsed: unknown;
  try {
    parsed = yaml.load(fs.readFileSync(file, "utf8"), { schema: yaml.CORE_SCHEMA });
  } catch (error) {
    const { reason, mark } = error as yaml.YAMLException;
    const why = error instanceof RangeError ? "it is nested too deeply" : reason;
    throw new UserError({ path: shown, message: `not YAML: ${why}`, fix: mark ? `fix line ${mark.line + 1}` : "fix the file" });
  }
  if (valuesIn(parsed) > MOST_VALUES) {
    throw new UserError({
      path: shown,
      message: "says too much: its aliases (*name) stand for more values than can be read",
      allowed: `${MOST_VALUES} values`,
      fix: "write the values out, or use fewer aliases",
    });
  }
  if (typeof parsed !== "object" || parsed === null) {
    throw new UserError({
      path: shown,
      message: "has no machines",
      allowed: "a list of machines, or one machine",
      fix: "write them as under homelab:machines",
    });
  }
  return parsed;
}

/** How many values something holds, written out. A few lines of aliases can say more than any memory holds, or hold themselves. */
function valuesIn(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== "object" || value === null) {
    return 1;
  }
  const counted = known.get(value);
  if (counted !== undefined) {
    return counted;
  }
  known.set(value, Number.POSITIVE_INFINITY);
  const count = Object.values(value).reduce<number>((sum, inner) => sum + valuesIn(inner, known), 1);
  known.set(value, count);
  return count;
}

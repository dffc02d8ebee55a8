import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { UserError } from "../../components/core/user-error";
import { withInventory } from "../../settings/inventory";
import type { Settings } from "../../settings/schema";
import { parseSettings, readConfig } from "../../settings/validate";
import { checkout, settingsFile } from "../paths";

/** Stands for a secret that is set: `lab check` looks at its place, not at its value, so that it needs no passphrase. */
const setSecret = "set:set:set";

/** A stack file's configuration as the program will see it, secrets replaced by a word that says they are set. */
export function configOf(text: string, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = yaml.load(text);
  } catch (error) {
    throw new UserError({
      path: file,
      message: `not YAML: ${(error as Error).message.split("\n")[0]}`,
      fix: "mend that line, then run this again",
    });
  }
  const config = (parsed as { config?: Record<string, unknown> } | null)?.config ?? {};
  const shown = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.map(shown);
    }
    if (typeof value !== "object" || value === null) {
      return value;
    }
    return "secure" in value ? setSecret : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
  };
  // The engine hands structured values to the program as JSON.
  return readConfig(
    Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(shown(value)) : String(value)]),
    ),
  );
}

/**
 * Validates the settings of a stack, or of a stack file given by its path: no engine, no MAAS, no passphrase.
 *
 * @throws UserError naming every path that is wrong
 */
export async function checkStackFile(stack: string): Promise<{ file: string; settings: Settings; hasApiKey: boolean }> {
  const file = stack.includes("/") || stack.endsWith(".yaml") ? path.resolve(stack) : settingsFile(stack);
  const text = await fs.readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    const there = (await fs.readdir(checkout)).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new UserError({
      path: file,
      message: "there is no such file",
      allowed: `a stack: ${there.join(", ")}`,
      fix: "name one of these",
    });
  }
  // `lab up` fills the embedded lab's key in; for the others it is only asked for when the stack is previewed.
  const config = configOf(text, file);
  checkSize(config, path.basename(file));
  const { raw, origins } = withInventory({ maasApiKey: setSecret, ...config }, checkout);
  return { file, settings: parseSettings(raw, origins), hasApiKey: config.maasApiKey !== undefined };
}

/** Linux limits one environment variable to 128 KiB, and the engine passes the configuration in one. */
const LARGEST_CONFIG = 124 << 10;

function checkSize(config: Record<string, unknown>, file: string): void {
  const sizes = Object.entries(config).map(([key, value]) => [key, Buffer.byteLength(JSON.stringify(value) ?? "")] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  if (total <= LARGEST_CONFIG) {
    return;
  }
  const [largest, size] = [...sizes].sort(([, a], [, b]) => b - a)[0];
  throw new UserError({
    path: `homelab:${largest}`,
    message: `the settings in ${file} are too large: ${total >> 10} KiB, of which ${size >> 10} KiB are homelab:${largest}`,
    allowed: `${LARGEST_CONFIG >> 10} KiB in all`,
    fix: largest === "machines" ? "move the machines to a file or folder of their own and name it in homelab:inventory" : "shorten it",
  });
}

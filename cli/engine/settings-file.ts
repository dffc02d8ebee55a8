import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { Secret, secretsIn } from "../../components/core/secret";
import { UserError } from "../../components/core/user-error";
import { withInventory } from "../../settings/inventory";
import type { Settings } from "../../settings/schema";
import { NAMESPACE, parseSettings, readConfig } from "../../settings/validate";
import { checkout, settingsFile } from "../paths";
import { replaceEncrypted } from "./encrypted";
import { run } from "./process";
import { stackFile } from "./stack";
import type { Toolchain } from "./toolchain";

/** A stack file's configuration as the program will see it; what is encrypted is a secret whose value is not known. */
export function configOf(text: string, file: string): Record<string, unknown> {
  refuseTooMuch(text, file);
  let parsed: unknown;
  try {
    parsed = yaml.load(text);
  } catch (error) {
    if (error instanceof RangeError) {
      throw tooDeep(file);
    }
    throw new UserError({
      path: file,
      message: `not YAML: ${whyNotYaml(error as yaml.YAMLException)}`,
      fix: "fix that line, then run the command again",
    });
  }
  refuseAliases(parsed, file);
  const config = (parsed as { config?: Record<string, unknown> } | null)?.config ?? {};
  const plain = Object.entries(config).filter(([, value]) => value !== null && typeof value !== "object");
  const structured = Object.entries(config).filter(
    ([key, value]) => key.startsWith(NAMESPACE) && value !== null && typeof value === "object",
  );
  return {
    ...readConfig(Object.fromEntries(plain.map(([key, value]) => [key, String(value)]))),
    ...Object.fromEntries(structured.map(([key, value]) => [key.slice(NAMESPACE.length), replaceEncrypted(value, () => Secret.sealed())])),
  };
}

/** The reason and its line, without the text there: it may be a secret. */
function whyNotYaml({ reason, mark }: yaml.YAMLException): string {
  const what = (reason ?? "it cannot be read").replace(/"[^"]*"|<[^>]*>/g, "…");
  return mark ? `${what} (line ${mark.line + 1}, column ${mark.column + 1})` : what;
}

/** Far above any lab's; what is larger is no stack file, or made to exhaust the memory. */
const limits = { bytes: 4 * 1024 * 1024, depth: 64 };

function refuseTooMuch(text: string, file: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.bytes) {
    throw new UserError({
      path: file,
      message: "is too large for a stack file",
      found: `${bytes} bytes`,
      allowed: `at most ${limits.bytes}`,
      fix: "keep large texts out of it",
    });
  }
  // Flow style nests by brackets, block style by dashes in one line: counted before a parser recurses.
  let open = 0;
  for (const line of text.split("\n")) {
    for (const character of line) {
      open += "[{".includes(character) ? 1 : "]}".includes(character) ? -1 : 0;
      if (open > 1000) {
        throw tooDeep(file);
      }
    }
    if (/^ *(?:- +|\? +){65}/.test(line)) {
      throw tooDeep(file);
    }
  }
}

function tooDeep(file: string): UserError {
  return new UserError({
    path: file,
    message: "is nested too deeply",
    allowed: `at most ${limits.depth} levels`,
    fix: "write it flatter",
  });
}

/** An alias makes one value stand in many places: settings that say more than can be read, and a file that grows when it is expanded. */
function refuseAliases(parsed: unknown, file: string): void {
  const seen = new Set<object>();
  const left: { value: unknown; depth: number }[] = [{ value: parsed, depth: 0 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) {
      continue;
    }
    if (depth > limits.depth) {
      throw tooDeep(file);
    }
    if (seen.has(value)) {
      throw new UserError({
        path: file,
        message: "uses YAML's aliases (*name), which stack files may not",
        fix: "write the value out in each place",
      });
    }
    seen.add(value);
    left.push(...Object.values(value).map((inner) => ({ value: inner, depth: depth + 1 })));
  }
}

/**
 * Validates the settings of a stack, or of a stack file given by its path: no engine, no MAAS, no passphrase.
 *
 * @throws UserError naming every path that is wrong
 */
export async function checkStackFile(stack: string): Promise<{ file: string; settings: Settings; hasApiKey: boolean }> {
  const file = stack.includes("/") || stack.endsWith(".yaml") ? path.resolve(stack) : settingsFile(stack);
  // A link to a device would be read for ever.
  const regular = await fs.stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  const text = regular ? await fs.readFile(file, "utf8").catch(() => undefined) : undefined;
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
  const { raw, origins } = withInventory({ maasApiKey: Secret.sealed(), ...config }, checkout);
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

/** The same with the values of secrets that a consent depends on; only the engine can read them, and only with the stack's passphrase. */
export async function settingsForConsents(lab: Toolchain & { stack: string }): Promise<{ file: string; settings: Settings }> {
  const checked = await checkStackFile(lab.stack);
  if (secretsIn(checked.settings.machines).every(({ known }) => known)) {
    return checked;
  }
  const args = ["config", "--json", "--show-secrets", "--stack", lab.stack, "--config-file", stackFile(lab.stack)];
  const { stdout } = await run(lab.engine, args, { env: { ...process.env, ...lab.environment }, cwd: checkout });
  const values = Object.entries(JSON.parse(stdout) as Record<string, { value?: string; objectValue?: unknown }>);
  const config = values.map(([key, { value, objectValue }]) => [key, value ?? JSON.stringify(objectValue)]);
  const { raw, origins } = withInventory({ maasApiKey: Secret.sealed(), ...readConfig(Object.fromEntries(config)) }, checkout);
  return { ...checked, settings: parseSettings(raw, origins) };
}

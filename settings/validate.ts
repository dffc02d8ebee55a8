import { DEEPEST, isDeeperThan } from "../components/core/limits";
import { Secret } from "../components/core/secret";
import { type Problem, UserError } from "../components/core/user-error";
import { atOrigin } from "./inventory";
import { problemsOf } from "./parse";
import { at, checks, type Settings, settingsSchema } from "./schema";

/** Before each setting in a stack's configuration. */
export const NAMESPACE = "homelab:";

/**
 * Validates settings given as one plain object, keys without the `homelab:` namespace.
 *
 * Cross-field checks run only once every section by itself is right, so that they need not guard against nonsense.
 *
 * @param origins where each machine was written, if not in `homelab:machines` (see inventory.ts)
 * @throws UserError
 */
export function parseSettings(raw: unknown, origins: readonly string[] = []): Settings {
  if (isDeeperThan(DEEPEST, raw)) {
    throw new UserError({
      path: NAMESPACE.slice(0, -1),
      message: "is nested too deeply",
      allowed: `at most ${DEEPEST} levels`,
      fix: "write it flatter",
    });
  }
  const input = dropNulls(raw ?? {});
  const result = settingsSchema.safeParse(input);
  const problems: Problem[] = result.success
    ? checks.flatMap((check) => check(result.data))
    : problemsOf(result.error, settingsSchema, input, (path) => at(...path));
  if (problems.length > 0) {
    throw new UserError(
      problems.map((problem) => ({ ...problem, path: atOrigin(problem.path, origins), message: atOrigin(problem.message, origins) })),
      problems.length === 1 ? "1 error in the settings:" : `${problems.length} errors in the settings:`,
    );
  }
  return result.data as Settings;
}

/** The namespace's part of Pulumi's flat configuration, structured values parsed. Keys of other namespaces are not ours. */
export function readConfig(config: Record<string, string>): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(config)) {
    if (key.startsWith(NAMESPACE)) {
      raw[key.slice(NAMESPACE.length)] = structured(text);
    }
  }
  return raw;
}

/** Pulumi hands over objects and lists as JSON, everything else as it was written. */
function structured(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `key:` with nothing after it is how YAML says "left out". */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(dropNulls);
  }
  if (value !== null && typeof value === "object" && !Secret.isInstance(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== null)
        .map(([key, inner]) => [key, dropNulls(inner)]),
    );
  }
  return value;
}

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { nearest, type Problem, UserError } from "../core/user-error";
import type { ScriptArgs } from "./args/region";
import type { ScriptDesired } from "./steps/script";

const START = /^# --- Start MAAS 1\.0 script metadata ---$/;
const END = /^# --- End MAAS 1\.0 script metadata ---$/;

/** What MAAS 3.7 reads from a header, and what it must be. */
const FIELDS: Record<string, { allowed: string; test(value: unknown): boolean }> = {
  name: text(),
  title: text(),
  description: text(),
  tags: { allowed: "a name, or a list of them", test: (value) => typeof value === "string" || isTexts(value) },
  script_type: choice("commissioning", "testing", "release"),
  type: choice("commissioning", "testing", "release"),
  hardware_type: choice("node", "cpu", "memory", "storage", "network", "gpu"),
  parallel: choice("disabled", "instance", "any"),
  timeout: { allowed: "seconds, or hours:minutes:seconds", test: (value) => /^(\d+|\d+:\d\d:\d\d)$/.test(String(value)) },
  packages: { allowed: "a map such as {apt: [fio]}", test: isMap },
  parameters: { allowed: "a map of parameters", test: isMap },
  results: { allowed: "a list or map of results", test: (value) => isMap(value) || isTexts(value) },
  for_hardware: { allowed: "a list such as [pci:8086:1533]", test: (value) => typeof value === "string" || isTexts(value) },
  destructive: flag(),
  may_reboot: flag(),
  recommission: flag(),
  apply_configured_networking: flag(),
};

/**
 * Reads a script file and holds its header against what MAAS understands, so that a mistake is told before anything is
 * uploaded.
 *
 * @see https://canonical.com/maas/docs/commissioning-script-reference
 * @throws UserError naming `homelab:maas.scripts[…].file`.
 */
export function readScript(script: ScriptArgs, index: number): ScriptDesired {
  const where = `homelab:maas.scripts[${index}].file`;
  let content: string;
  try {
    content = fs.readFileSync(script.file, "utf8");
  } catch (error) {
    throw new UserError({
      path: where,
      message: "cannot be read",
      found: script.file,
      allowed: "a file below the project's folder",
      fix: (error as Error).message,
    });
  }
  return parseScript(content, { ...script, where });
}

/** The same for a content that is at hand. */
export function parseScript(content: string, script: ScriptArgs & { where: string }): ScriptDesired {
  const problem = (message: string, fix: string, found?: unknown, allowed?: string): UserError =>
    new UserError({ path: script.where, message: `${script.file}: ${message}`, found, allowed, fix });
  const lines = content.split(/\r?\n/);
  if (!lines[0].startsWith("#!")) {
    throw problem("does not start with a shebang", "begin it with #!/bin/bash or the like", lines[0]);
  }
  const metadata = header(lines, problem);
  const problems = check(metadata, script);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  const name = script.name ?? (metadata.name as string | undefined) ?? path.basename(script.file).replace(/\.\w+$/, "");
  const type = (metadata.script_type ?? metadata.type ?? "testing") as ScriptDesired["type"];
  return { name, type, content, digest: createHash("sha256").update(content).digest("hex").slice(0, 32) };
}

function header(lines: string[], problem: (message: string, fix: string, found?: unknown) => UserError): Record<string, unknown> {
  const start = lines.findIndex((line) => START.test(line));
  const end = lines.findIndex((line) => END.test(line));
  if (start < 0 && end < 0) {
    return {};
  }
  if (start < 0 || end < start) {
    throw problem(
      "its metadata header is not closed",
      "put it between `# --- Start MAAS 1.0 script metadata ---` and `# --- End MAAS 1.0 script metadata ---`",
    );
  }
  const body = lines.slice(start + 1, end);
  const odd = body.find((line) => !line.startsWith("#"));
  if (odd !== undefined) {
    throw problem("a line of its metadata header is no comment", "begin each with #", odd);
  }
  try {
    const parsed = load(body.map((line) => line.replace(/^# ?/, "")).join("\n")) ?? {};
    if (isMap(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch (error) {
    throw problem(`its metadata header is no YAML: ${(error as Error).message.split("\n")[0]}`, "write it as `# key: value` lines");
  }
  throw problem("its metadata header is no map", "write it as `# key: value` lines");
}

function check(metadata: Record<string, unknown>, { where, file }: ScriptArgs & { where: string }): Problem[] {
  return Object.entries(metadata).flatMap(([key, value]) => {
    const field = FIELDS[key];
    if (!field) {
      const near = nearest(key, Object.keys(FIELDS));
      return [
        {
          path: where,
          message: `${file}: MAAS's header has no ${key}`,
          allowed: Object.keys(FIELDS).join(", "),
          fix: near ? `write ${near}` : `remove ${key}`,
        },
      ];
    }
    return field.test(value)
      ? []
      : [
          {
            path: where,
            message: `${file}: ${key} of its header is wrong`,
            found: value,
            allowed: field.allowed,
            fix: `write ${key}: ${field.allowed}`,
          },
        ];
  });
}

function text() {
  return { allowed: "a text", test: (value: unknown) => typeof value === "string" };
}

function choice(...values: string[]) {
  return { allowed: values.join(", "), test: (value: unknown) => values.includes(String(value)) };
}

function flag() {
  return { allowed: "true or false", test: (value: unknown) => typeof value === "boolean" };
}

function isMap(value: unknown): boolean {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

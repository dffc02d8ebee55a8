import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../versions.json";
import { configOf } from "./settings-file";

export interface SupportedLine {
  what: string;
  /** The minor version, such as `1.36`. */
  line: string;
  /** Its last day, as `YYYY-MM-DD`. */
  ends: string;
  /** Where that was read. */
  read: string;
}

/** The minor versions whose support has a known end. Projects without one support only their newest. */
export const supportedLines: readonly SupportedLine[] = Object.entries(versions.support).flatMap(([what, lines]) =>
  lines.map((line) => ({ what, ...line })),
);

/** The line that a version such as `v1.36.5+k3s1` is of, if its end is known. */
export function lineOf(what: string, version: string, lines = supportedLines): SupportedLine | undefined {
  return lines.find((line) => line.what === what && version.replace(/^v/, "").startsWith(`${line.line}.`));
}

/** Those that are pinned: k3s, and the images by the tag of their reference. */
export function pinnedLines(): SupportedLine[] {
  const tags = Object.entries(versions.images as Record<string, { upstream?: string }>).map(([name, { upstream }]) => ({
    name,
    version: /:([^:@/]+)(@|$)/.exec(upstream ?? "")?.[1] ?? "",
  }));
  return [{ name: "k3s", version: versions.k3s.version }, ...tags].flatMap(({ name, version }) => lineOf(name, version) ?? []);
}

/** The lines of k3s that a folder's stack files pin for themselves. What is wrong with a file, `lab check` says. */
export async function pinnedInStacks(folder: string): Promise<(SupportedLine & { stack: string })[]> {
  const stacks = (await fs.readdir(folder)).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
  const lines = stacks.sort().map(async (stack) => {
    const text = await fs.readFile(path.join(folder, `Pulumi.${stack}.yaml`), "utf8");
    const line = lineOf("k3s", versionIn(text, stack) ?? "");
    return line ? [{ ...line, stack }] : [];
  });
  return (await Promise.all(lines)).flat();
}

function versionIn(text: string, stack: string): string | undefined {
  try {
    const { cluster } = configOf(text, stack) as { cluster?: { version?: unknown } };
    return typeof cluster?.version === "string" ? cluster.version : undefined;
  } catch {
    return undefined;
  }
}

/** Those that have ended by a day. */
export function pastEnd<Line extends SupportedLine>(day: Date, lines: readonly Line[]): Line[] {
  const today = day.toISOString().slice(0, 10);
  return lines.filter(({ ends }) => ends < today);
}

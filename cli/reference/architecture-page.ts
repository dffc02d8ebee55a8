import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";
import { checkout } from "../paths";

/** What each part is, in the order of the page: from what nothing imports down to what imports nothing. */
const parts: Record<string, string> = {
  "index.ts": "the program: settings ▶ components ▶ outputs",
  cli: "the command `lab`",
  settings: "the stack file: schema, defaults, checks, and how settings become arguments",
  "components/index.ts": "the face of `@homelab/components`",
  "components/watched.ts": "every dashboard of the library, for `lab plot` and tests",
  "components/maas": "machines by MAAS: region, machine, steps",
  "components/k3s": "the cluster",
  "components/monitoring": "Prometheus, Alertmanager, Grafana",
  "components/taskserver": "taskd and TaskChampion's sync server",
  "components/ingress": "pages by name, over TLS and behind one login",
  "components/start-page": "the page that people open first, with every dashboard",
  "components/guards": "policies and protection",
  "components/kubernetes": "workloads, volumes and policies of a cluster",
  "components/core": "what components share: types, secrets, errors",
  rig: "everything that stands for something else: simulated MAAS, embedded machines, built engine and k3s",
};

/** The part that a file belongs to; a new folder of components is one at once. */
function partOf(file: string): string | undefined {
  if (file in parts) {
    return file;
  }
  const [first, second, third] = file.split("/");
  if (first === "components") {
    return third ? `components/${second}` : undefined;
  }
  return second && first in parts ? first : undefined;
}

function sources(folder: string): string[] {
  return fs
    .readdirSync(path.join(checkout, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && !/(^|\/)(node_modules|dist)\//.test(name))
    .map((name) => `${folder}/${name}`);
}

/** A relative import as a path from the checkout's root, with its ending. */
function resolved(from: string, name: string): string | undefined {
  const base = path.posix.join(path.posix.dirname(from), name);
  return [base, `${base}.ts`, `${base}/index.ts`].find((each) =>
    fs.statSync(path.join(checkout, each), { throwIfNoEntry: false })?.isFile(),
  );
}

/** Which parts import which, types included: `from ▶ to` pairs, sorted. */
export function importsBetweenParts(): [from: string, to: string][] {
  const found = new Set<string>();
  for (const file of ["index.ts", ...["cli", "settings", "components", "rig"].flatMap(sources)]) {
    const from = partOf(file);
    const { importedFiles } = ts.preProcessFile(fs.readFileSync(path.join(checkout, file), "utf8"), true, true);
    for (const { fileName } of importedFiles) {
      const target = fileName.startsWith(".") ? resolved(file, fileName) : undefined;
      const to = target && partOf(target);
      if (from && to && from !== to) {
        found.add(`${from} ${to}`);
      }
    }
  }
  return [...found].sort().map((pair) => pair.split(" ") as [string, string]);
}

/** Leaves out what is said by a longer way: `a ▶ c` where `a ▶ b ▶ c`. */
function withoutShortcuts(pairs: readonly [string, string][]): [string, string][] {
  const next = (from: string) => pairs.filter(([each]) => each === from).map(([, to]) => to);
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    !seen.has(from) && next(from).some((each) => each === to || reaches(each, to, seen.add(from)));
  return pairs.filter(([from, to]) => !next(from).some((each) => each !== to && reaches(each, to)));
}

/** `docs/architecture.md`. */
export function architecturePage(): string {
  const pairs = importsBetweenParts();
  const names = [...new Set([...Object.keys(parts), ...pairs.flat()])].filter((name) => pairs.some((pair) => pair.includes(name)));
  const id = (name: string) => name.replace(/\W/g, "_");
  const facing = (name: string) => pairs.filter(([from]) => from === name).map(([, to]) => `\`${to}\``);
  return [
    "# Architecture",
    "",
    "An arrow is an import, drawn from the sources. Imports point one way, without circles; Biome refuses others (`biome.json`).",
    "An arrow that a longer way already shows is left out of the picture, not of the table.",
    "",
    "```mermaid",
    "flowchart TD",
    ...names.map((name) => `  ${id(name)}["${name}"]`),
    ...withoutShortcuts(pairs).map(([from, to]) => `  ${id(from)} --> ${id(to)}`),
    "```",
    "",
    "| Part | What it is | Imports |",
    "|---|---|---|",
    ...names.map((name) => `| \`${name}\` | ${parts[name] ?? ""} | ${facing(name).join(", ") || "nothing of this tree"} |`),
    "",
    "The page is generated: `node --require ./load-typescript.cjs cli/reference/write.ts`.",
    "",
  ].join("\n");
}

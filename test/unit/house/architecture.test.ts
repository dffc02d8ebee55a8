import * as fs from "node:fs";
import * as path from "node:path";
import { architecturePage, importsBetweenParts } from "../../../cli/reference/architecture-page";

const pairs = importsBetweenParts();

/** All that a part reaches over the arrows. */
function reached(arrows: readonly [string, string][], from: string, seen = new Set<string>()): string[] {
  for (const [, to] of arrows.filter(([each]) => each === from)) {
    if (!seen.has(to)) {
      reached(arrows, to, seen.add(to));
    }
  }
  return [...seen].sort();
}

describe("the parts of the tree", () => {
  const names = [...new Set(pairs.flat())];

  it("import one another without circles", () => {
    expect(names.filter((name) => reached(pairs, name).includes(name))).toEqual([]);
  });

  it("point one way: features only to kubernetes and core, the library to nothing above it, the rig to core", () => {
    const features = names.filter((name) => /^components\/[a-z0-9]+$/.test(name) && name !== "components/core");
    expect(features.length).toBeGreaterThan(5);
    const allowed = new Set(["components/core", "components/kubernetes"]);
    expect(pairs.filter(([from, to]) => features.includes(from) && !allowed.has(to))).toEqual([]);
    expect(pairs.filter(([from, to]) => from.startsWith("components/") && !to.startsWith("components/"))).toEqual([]);
    expect(pairs.filter(([from]) => from === "rig")).toEqual([["rig", "components/core"]]);
    expect(pairs.filter(([from]) => from === "components/core")).toEqual([]);
  });

  it("are drawn so that the picture reaches what the imports reach, each with a description", () => {
    const page = architecturePage();
    const labels = new Map([...page.matchAll(/^ {2}(\w+)\["(.+)"\]$/gm)].map(([, id, name]) => [id, name]));
    const arrows = [...page.matchAll(/^ {2}(\w+) --> (\w+)$/gm)].map(([, from, to]): [string, string] => [
      labels.get(from) ?? from,
      labels.get(to) ?? to,
    ]);
    expect(names.map((name) => [name, reached(arrows, name)])).toEqual(names.map((name) => [name, reached(pairs, name)]));
    expect(arrows.filter(([from, to]) => !pairs.some((pair) => pair[0] === from && pair[1] === to))).toEqual([]);
    expect(page).not.toMatch(/\| {2}\|/);
  });

  it("are read from the sources: an import that a reader finds there is an arrow", () => {
    const text = fs.readFileSync(path.resolve(__dirname, "../../../settings/args.ts"), "utf8");
    expect(text).toContain('from "../components/maas/');
    expect(pairs).toContainEqual(["settings", "components/maas"]);
  });
});

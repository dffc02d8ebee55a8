import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { lineOf, pastEnd, pinnedInStacks, pinnedLines, supportedLines } from "../../../cli/engine/support";
import versions from "../../../versions.json";

it.each(supportedLines.map((line) => [line.what, line.line, line] as const))("knows the end of %s %s", (_what, _line, { ends, read }) => {
  expect(new Date(ends).toISOString().slice(0, 10)).toBe(ends);
  expect(read).toMatch(/^[a-z.]+\//);
});

it("knows the end of each pinned version that has one, and none has ended by the day it was pinned", () => {
  const pinned = pinnedLines();
  expect(new Set(pinned.map(({ what }) => what))).toEqual(new Set(supportedLines.map(({ what }) => what)));
  expect(pastEnd(new Date("2026-11-30"), pinned)).toEqual([]);
});

it("knows the minor versions around the pinned one, for those who come from there or go on", () => {
  const minor = Number(versions.k3s.version.split(".")[1]);
  for (const one of [minor - 1, minor, minor + 1]) {
    expect(lineOf("k3s", `v1.${one}.0+k3s1`)).toMatchObject({ line: `1.${one}` });
  }
  expect(versions.k3s.before).toMatch(new RegExp(`^v1\\.${minor - 1}\\.\\d+\\+k3s\\d+$`));
  expect(lineOf("k3s", "v1.3.0+k3s1")).toBeUndefined();
});

it("reads the k3s that stack files pin for themselves, and passes over those that cannot be read", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stacks-"));
  const write = (stack: string, text: string) => fs.writeFileSync(path.join(folder, `Pulumi.${stack}.yaml`), text);
  write("lab", "config:\n  homelab:cluster:\n    version: v1.34.1+k3s1\n");
  write("vm", "config:\n  homelab:environment: vm\n");
  write("odd", "config: [\n");
  try {
    expect(await pinnedInStacks(folder)).toMatchObject([{ stack: "lab", what: "k3s", line: "1.34", ends: "2026-10-27" }]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

it("says what has ended: the day after its last", () => {
  const lines = [
    { what: "k3s", line: "1.34", ends: "2026-10-27", read: "kubernetes.io/releases/1.34" },
    { what: "grafana", line: "13.2", ends: "2027-05-18", read: "endoflife.date/grafana" },
  ];
  expect(pastEnd(new Date("2026-10-27T23:59:00Z"), lines)).toEqual([]);
  expect(pastEnd(new Date("2026-10-28T00:00:00Z"), lines).map(({ what }) => what)).toEqual(["k3s"]);
});

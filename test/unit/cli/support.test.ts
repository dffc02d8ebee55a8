import { pastEnd, supportedLines } from "../../../cli/engine/support";
import versions from "../../../versions.json";

const pins: Record<string, string> = {
  k3s: versions.k3s.version,
  ...Object.fromEntries(
    Object.entries(versions.images).flatMap(([name, image]) =>
      "upstream" in image ? [[name, image.upstream.split(":").pop() ?? ""]] : [],
    ),
  ),
};

it.each(supportedLines.map((line) => [line.what, line] as const))(
  "knows the end of the %s that is pinned",
  (what, { line, ends, read }) => {
    expect(pins[what].replace(/^v/, "")).toMatch(new RegExp(`^${line.replace(".", "\\.")}\\.`));
    expect(new Date(ends).toISOString().slice(0, 10)).toBe(ends);
    expect(read).toMatch(/^[a-z.]+\//);
  },
);

it("says what has ended: the day after its last", () => {
  const lines = [
    { what: "k3s", line: "1.34", ends: "2026-10-27", read: "kubernetes.io/releases/1.34" },
    { what: "grafana", line: "13.2", ends: "2027-05-18", read: "endoflife.date/grafana" },
  ];
  expect(pastEnd(new Date("2026-10-27T23:59:00Z"), lines)).toEqual([]);
  expect(pastEnd(new Date("2026-10-28T00:00:00Z"), lines).map(({ what }) => what)).toEqual(["k3s"]);
});

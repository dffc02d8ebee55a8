import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(__dirname, "../../..");

describe.each([
  ["safety", 40],
  ["real-maas", 50],
  ["pull-requests", 45],
  ["from-the-sofa", 50],
  ["day-two", 25],
])("the promises of docs/decisions/%s.md", (name, least) => {
  const page = fs.readFileSync(path.join(root, `docs/decisions/${name}.md`), "utf8");
  /** Rows of the page's tables: what is promised, the test's file, and words of the test's title. */
  const promises = [...page.matchAll(/^\| (.+?) \| `(test\/.+?\.(?:ts|ya?ml|json))`: (.+) \|$/gm)].map(([, promise, file, title]) => ({
    promise,
    file,
    title,
  }));

  it("are all read", () => {
    expect(promises).toHaveLength(page.split("\n").filter((line) => /^\| (?!promise|point)/.test(line)).length);
    expect(promises.length).toBeGreaterThan(least);
  });

  it.each(promises)("$promise: the test is there", ({ file, title }) => {
    const text = fs.readFileSync(path.join(root, file), "utf8");
    expect([title, text.includes(title)]).toEqual([title, true]);
  });
});

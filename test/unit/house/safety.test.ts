import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(__dirname, "../../..");
const page = fs.readFileSync(path.join(root, "docs/decisions/safety.md"), "utf8");

/** Rows of the page's tables: what is promised, the test's file, and words of the test's title. */
const promises = [...page.matchAll(/^\| (.+?) \| `(test\/.+?\.ts)`: (.+) \|$/gm)].map(([, promise, file, title]) => ({
  promise,
  file,
  title,
}));

describe("the promises of docs/decisions/safety.md", () => {
  it("are all read", () => {
    expect(promises).toHaveLength(page.split("\n").filter((line) => /^\| (?!promise)/.test(line)).length);
    expect(promises.length).toBeGreaterThan(40);
  });

  it.each(promises)("$promise: the test is there", ({ file, title }) => {
    const text = fs.readFileSync(path.join(root, file), "utf8");
    expect([title, text.includes(title)]).toEqual([title, true]);
  });
});

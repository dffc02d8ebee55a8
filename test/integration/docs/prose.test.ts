import * as fs from "node:fs/promises";
import * as path from "node:path";
import { inSite, siteCheckout } from "../../support/site";

/** The English of README, docs, settings and commands: the latter two as docs/reference/ has them, which is made from the sources. */

let folder: string;
beforeAll(async () => {
  folder = await siteCheckout();
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

it("is as docs/writing.md asks", async () => {
  expect(await inSite(folder, "prose.mjs")).toEqual({ code: 0, output: expect.stringMatching(/^\d+ pages: nothing found\n$/) });
});

it("is refused where it is not: each pair of docs/writing.md, and a sentence that is too long", async () => {
  const writing = await fs.readFile(path.join(folder, "docs/writing.md"), "utf8");
  const pairs = [...writing.matchAll(/^\| (?!instead of|---)(.+?) \| (.+?) \|$/gm)];
  expect(pairs).toHaveLength(20);
  await fs.rm(path.join(folder, "docs"), { recursive: true });
  await fs.mkdir(path.join(folder, "docs/reference"), { recursive: true });
  const lines = [...pairs.map(([, before]) => before), `It is ${"very ".repeat(60)}long.`];
  await fs.writeFile(path.join(folder, "docs/reference/settings.md"), `${lines.join("\n\n")}\n`);
  await fs.writeFile(path.join(folder, "docs/tutorial.md"), `${pairs.map(([, , after]) => after).join("\n\n")}\n`);
  const { code, output } = await inSite(folder, "prose.mjs");
  expect(code).toBe(1);
  const found = [...output.matchAll(/^docs\/reference\/settings\.md:(\d+): .*\((\S+)\)$/gm)];
  const missed = lines.filter((_, index) => !found.some(([, line]) => Number(line) === 2 * index + 1));
  expect(missed).toEqual([]);
  expect(found.at(-1)?.[2]).toBe("sentence-length");
  expect(output).not.toContain("tutorial.md");
});

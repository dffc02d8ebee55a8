import * as fs from "node:fs/promises";
import * as path from "node:path";
import { inSite, siteCheckout } from "../../support/site";

/** The English of README, docs, and of the texts in the sources of commands, settings and components. */

let folder: string;
beforeAll(async () => {
  folder = await siteCheckout();
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

it("is as docs/writing.md asks", async () => {
  expect(await inSite(folder, "prose.mjs")).toEqual({
    code: 0,
    output: expect.stringMatching(/^\d+ pages, \d{4} texts of the sources: nothing found\n$/),
  });
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

it("is refused in a source as well, wherever the text is: added, in a template, in one inside another", async () => {
  const file = "cli/engine/wrong.ts";
  const lines = [
    'say("Anything that you have to mend stays");',
    "throw new UserError({ path, message, fix: `take it out of ${file} and run it again` });",
    'report("the lab" + " tells of " + name);',
    "say(`${machines.map((each) => `${each}: is told nothing of that`).join()} and the rest`);",
    `say("It is ${"very ".repeat(60)}long.");`,
    "// Comments may say what they like: mend it, and so on.",
    'import { mend } from "to mend what is";',
  ];
  await fs.writeFile(path.join(folder, file), `${lines.join("\n")}\n`);
  const { code, output } = await inSite(folder, "prose.mjs");
  await fs.rm(path.join(folder, file));
  const found = [...output.matchAll(/^cli\/engine\/wrong\.ts:(\d+): /gm)].map(([, line]) => Number(line));
  expect([code, found]).toEqual([1, [1, 2, 3, 4, 5]]);
});

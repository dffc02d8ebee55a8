import * as fs from "node:fs/promises";
import * as path from "node:path";
import { inSite, siteCheckout } from "../../support/site";

/** docs/ as a site, and its English, by the programs of site/ on a copy. */

let folder: string;
beforeAll(async () => {
  folder = await siteCheckout();
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

it("builds a page for each of docs/, listed beside each page, to be searched, with no link that leads nowhere", async () => {
  const built = await inSite(folder, "build.mjs");
  expect([built.code, built.output]).toEqual([0, expect.stringMatching(/\n\d+ pages in /)]);
  const out = path.join(folder, ".lab/site");
  const written = (await fs.readdir(path.join(folder, "docs"), { recursive: true })).filter((name) => name.endsWith(".md"));
  const page = (name: string) => path.join(out, name.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html"));
  const texts = await Promise.all(written.map((name) => fs.readFile(page(name), "utf8")));
  expect(written.length).toBeGreaterThan(80);
  const index = texts[written.indexOf("README.md")];
  const listed = [...index.matchAll(/ href="\/([^"#]+\.html)"/g)].map(([, file]) => file);
  const pages = written.filter((name) => /^(how-to|decisions|reference)\//.test(name)).map((name) => name.replace(/\.md$/, ".html"));
  expect(pages.filter((name) => !listed.includes(name))).toEqual([]);
  // Nothing is fetched from other sites.
  const fetched = texts.flatMap((text) => [...text.matchAll(/<(?:script|img|link)\b[^>]*? (?:src|href)="(https?:[^"]+)"/g)]);
  expect(fetched.map(([, url]) => url)).toEqual([]);
  const assets = await fs.readdir(path.join(out, "assets"), { recursive: true });
  expect(assets.filter((name) => /localSearchIndex/.test(name))).not.toEqual([]);
  // Pictures that pages lead to.
  await fs.access(path.join(out, "graph.svg"));
});

it("refuses links to pages and headings that are not there", async () => {
  const docs = path.join(folder, "docs");
  await fs.rm(docs, { recursive: true });
  await fs.mkdir(docs);
  await fs.writeFile(path.join(docs, "README.md"), "# Documentation\n\n## Tutorial\n\n- [Tutorial](tutorial.md#no-heading)\n");
  await fs.writeFile(path.join(docs, "tutorial.md"), "# A tutorial\n\nSee [nothing](nothing.md).\n");
  expect(await inSite(folder, "build.mjs")).toMatchObject({ code: 1, output: expect.stringContaining("/nothing in file tutorial.md") });
  await fs.writeFile(path.join(docs, "tutorial.md"), "# A tutorial\n");
  const { code, output } = await inSite(folder, "build.mjs");
  expect([code, output]).toEqual([1, expect.stringContaining("index.html: ./tutorial.html#no-heading")]);
});

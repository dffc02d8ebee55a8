// Checks the English of texts by the pairs of docs/writing.md: `npm ci --prefix site`, then `npm run --prefix site prose`.
//
// Of README.md, CONTRIBUTING.md, examples/, docs/, and the texts in the sources of cli/, settings/ and components/.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { TextlintKernel } from "@textlint/kernel";
import markdown from "@textlint/textlint-plugin-markdown";
import prh from "textlint-rule-prh";
import sentenceLength from "textlint-rule-sentence-length";
import { shownTexts } from "./texts.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const rules = [
  { ruleId: "pairs", rule: prh.default ?? prh, options: { rulePaths: [fileURLToPath(new URL("pairs.yml", import.meta.url))] } },
  // Characters, with those of links and code left out.
  { ruleId: "sentence-length", rule: sentenceLength.default ?? sentenceLength, options: { max: 220 } },
];
const plugins = [{ pluginId: "markdown", plugin: markdown.default ?? markdown }];

/** Generated from types, or quoting what is forbidden. */
const leftOut = /^docs\/(reference\/api\/.*|writing\.md)$/;

function ownPages() {
  const below = (folder) => readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name));
  const names = ["README.md", "CONTRIBUTING.md", ...below("docs"), ...below("examples")];
  const pages = names.filter((name) => name.endsWith(".md") && !leftOut.test(name));
  return Object.fromEntries(pages.map((name) => [name, readFileSync(path.join(root, name), "utf8")]));
}

const kernel = new TextlintKernel();
const found = [];
const texts = ownPages();
for (const [name, text] of Object.entries(texts)) {
  const { messages } = await kernel.lintText(text, { ext: ".md", filePath: path.join(root, name), plugins, rules });
  found.push(...messages.map(({ line, message, ruleId }) => `${name}:${line}: ${message.split("\n")[0]} (${ruleId})`));
}
const shown = shownTexts(root);
for (const [name, all] of Object.entries(shown)) {
  for (const { line, text } of all) {
    // Lines that are broken where they are printed are lines of their own.
    const { messages } = await kernel.lintText(text.replaceAll("\n", "\n\n"), { ext: ".md", filePath: path.join(root, name), plugins, rules });
    found.push(...messages.map(({ message, ruleId }) => `${name}:${line}: ${message.split("\n")[0]} (${ruleId})`));
  }
}
console.log(found.length === 0 ? `${Object.keys(texts).length} pages, ${Object.values(shown).flat().length} texts of the sources: nothing found` : found.join("\n"));
process.exitCode = found.length === 0 ? 0 : 1;

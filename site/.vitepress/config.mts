import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type MarkdownOptions } from "vitepress";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
/** Where the repository's files can be read, such as https://forge.example.org/anna/lab/src/branch/main. */
const repository = process.env.SITE_REPOSITORY;

/** The sections of docs/README.md, which lists every page. */
function sidebar() {
  const [, ...sections] = readFileSync(path.join(docs, "README.md"), "utf8").split(/^## /m);
  return sections.map((section) => {
    const [title] = section.split("\n", 1);
    const links = [...section.matchAll(/\[([^\]]+)\]\(([^)#]+)\.md\)/g)].filter(([, , target]) => !target.startsWith(".."));
    return { text: title, collapsed: title === "Decisions", items: links.map(([, text, target]) => ({ text, link: `/${target}` })) };
  });
}

/** Links to files of the repository that are no page lead to the repository, or nowhere if nobody has said where it is. */
const links: MarkdownOptions["config"] = (md) => {
  md.core.ruler.push("links-out", ({ tokens, env }) => {
    const folder = path.dirname(path.join(docs, env.relativePath.replace(/(^|\/)index\.md$/, "$1README.md")));
    for (const { children } of tokens) {
      const open: boolean[] = [];
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const href = String(token.attrGet("href"));
          const [file] = href.split("#");
          const target = path.resolve(folder, file);
          const outside = !/^([a-z]+:|#|$)/.test(file) && !target.startsWith(docs);
          if (outside && !existsSync(target)) {
            throw new Error(`${env.relativePath}: ${href} leads nowhere`);
          }
          open.push(outside && repository === undefined);
          if (outside && repository !== undefined) {
            token.attrSet("href", `${repository}/${path.relative(path.dirname(docs), target)}`);
          } else {
            // As `rewrites` names them.
            token.attrSet("href", href.replace(/\bREADME\.md(?=#|$)/, "index.md"));
          }
          hide(token, open.at(-1));
        } else if (token.type === "link_close") {
          hide(token, open.pop());
        }
      }
    }
  });
  // The pages are compiled as templates, and none of them is meant as one.
  const text = md.renderer.rules.text;
  md.renderer.rules.text = (...args) => (text?.(...args) ?? "").replaceAll("{{", "&#123;&#123;");
};

function hide(token: { tag: string; type: string; nesting: number; content: string; attrs: unknown }, hidden = false): void {
  if (hidden) {
    Object.assign(token, { type: "text", tag: "", nesting: 0, content: "", attrs: null });
  }
}

export default defineConfig({
  title: "Cloud Native Home Lab",
  description: "From bare machines to a synced to-do list",
  // A copy that build.mjs makes: pages are modules, and find the libraries beside this folder.
  srcDir: ".pages",
  outDir: process.env.SITE_OUT ?? "../.lab/site",
  base: process.env.SITE_BASE ?? "/",
  cacheDir: process.env.SITE_CACHE ?? "../.lab/site-cache",
  rewrites: { "README.md": "index.md", ":folder/README.md": ":folder/index.md" },
  cleanUrls: false,
  metaChunk: true,
  // Braces in texts are YAML, not attributes.
  markdown: { html: false, attrs: { disable: true }, config: links },
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Tutorial", link: "/tutorial" },
      { text: "Settings", link: "/reference/settings" },
      { text: "Commands", link: "/reference/commands" },
      { text: "Runbooks", link: "/runbooks/" },
    ],
    sidebar: [{ text: "Tutorial", link: "/tutorial" }, ...sidebar()],
    outline: [2, 3],
    ...(repository ? { socialLinks: [{ icon: "git", link: repository }] } : {}),
  },
});

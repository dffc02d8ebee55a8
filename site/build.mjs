// Builds docs/ into a site: `npm ci --prefix site`, then `npm run --prefix site build`. It refuses dead links.
//
//   SITE_OUT         folder to write (.lab/site)
//   SITE_BASE        path that the site is served below (/)
//   SITE_REPOSITORY  address of the repository's files on a forge, for links to what is no page
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";

const root = fileURLToPath(new URL(".", import.meta.url));
const docs = path.join(root, "../docs");
const out = path.resolve(root, process.env.SITE_OUT ?? "../.lab/site");
const base = process.env.SITE_BASE ?? "/";

const copy = path.join(root, ".pages");
rmSync(copy, { recursive: true, force: true });
cpSync(docs, copy, { recursive: true });
try {
  // Refuses links to pages that are not there.
  await build(root);
} finally {
  rmSync(copy, { recursive: true, force: true });
}

// Pictures and schemas that pages lead to.
const files = readdirSync(docs, { recursive: true }).filter((file) => statSync(path.join(docs, file)).isFile() && !file.endsWith(".md"));
for (const file of files) {
  cpSync(path.join(docs, file), path.join(out, file));
}

/** Ids of a page's elements: what can follow # in a link. */
const ids = new Map();
function idsOf(file) {
  if (!ids.has(file)) {
    ids.set(file, new Set([...readFileSync(file, "utf8").matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)));
  }
  return ids.get(file);
}

const dead = [];
const pages = readdirSync(out, { recursive: true }).filter((file) => file.endsWith(".html") && file !== "404.html");
for (const page of pages) {
  const address = new URL(base + page, "http://site/");
  for (const [, link] of readFileSync(path.join(out, page), "utf8").matchAll(/<(?:a|img|link|script)\b[^>]*? (?:href|src)="([^"]+)"/g)) {
    const target = new URL(link.replaceAll("&amp;", "&"), address);
    if (target.host !== "site") {
      continue;
    }
    const place = path.join(out, decodeURIComponent(target.pathname.slice(base.length)));
    const file = [place, `${place}.html`, path.join(place, "index.html")].find((each) => existsSync(each) && statSync(each).isFile());
    const anchor = decodeURIComponent(target.hash.slice(1));
    if (file === undefined || (anchor !== "" && file.endsWith(".html") && !idsOf(file).has(anchor))) {
      dead.push(`${page}: ${link}`);
    }
  }
}
if (dead.length > 0) {
  console.error(`Links that lead nowhere:\n${dead.map((each) => `  ${each}`).join("\n")}`);
  process.exit(1);
}
console.log(`${pages.length} pages in ${out}`);

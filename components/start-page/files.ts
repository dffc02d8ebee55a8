import * as fs from "node:fs";
import * as path from "node:path";
import { bundled } from "./bundle";

const APP = path.join(__dirname, "app");
const BUNDLED = ["page.js", "page.css"] as const;
/** Beside what load-typescript.cjs keeps of a checkout. */
const KEPT = path.join(__dirname, "..", "..", ".lab", "compiled", "start-page.json");

const read = (folder: string, name: string) => fs.readFileSync(path.join(folder, name), "utf8");

/** Files of the page by name. A published package holds the bundle; in a checkout it is made of the sources as they are. */
export function pageFiles(): Record<string, string> {
  const folder = path.join(APP, "bundle");
  const bundle = BUNDLED.every((name) => fs.existsSync(path.join(folder, name)))
    ? Object.fromEntries(BUNDLED.map((name) => [name, read(folder, name)]))
    : bundled(APP, KEPT);
  return { "index.html": read(APP, "index.html"), "nginx.conf": read(__dirname, "nginx.conf"), ...bundle };
}

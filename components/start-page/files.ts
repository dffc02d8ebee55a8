import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const APP = path.join(__dirname, "app");
const BUNDLED = ["page.js", "page.css"] as const;

const read = (folder: string, name: string) => fs.readFileSync(path.join(folder, name), "utf8");

/**
 * Files of the page by name. A published package holds the bundle; in a checkout it is made now, from the sources as they are. By
 * esbuild's program and not by its API, which does not run inside jest.
 */
export function pageFiles(): Record<string, string> {
  const bundle = BUNDLED.every((name) => fs.existsSync(path.join(APP, "bundle", name)))
    ? Object.fromEntries(BUNDLED.map((name) => [name, read(path.join(APP, "bundle"), name)]))
    : Object.fromEntries(BUNDLED.map((name) => [name, bundled(name)]));
  return { "index.html": read(APP, "index.html"), "nginx.conf": read(__dirname, "nginx.conf"), ...bundle };
}

const ENTRIES = { "page.js": "main.tsx", "page.css": "page.css" } as const;

/** One file of the bundle, from the sources in a folder. */
export function bundled(name: keyof typeof ENTRIES, app = APP): string {
  const options = ["--bundle", "--minify", "--target=es2020", "--charset=utf8", "--jsx=automatic", "--jsx-import-source=preact"];
  const args = [require.resolve("esbuild/bin/esbuild"), ENTRIES[name], ...options, "--log-level=warning"];
  return execFileSync(process.execPath, args, {
    cwd: app,
    encoding: "utf8",
    // The program's own environment has the whole configuration in it, secrets too.
    env: { PATH: process.env.PATH },
    maxBuffer: 2 ** 24,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

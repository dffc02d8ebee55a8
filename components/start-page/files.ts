import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const APP = path.join(__dirname, "app");
const BUNDLED = ["page.js", "page.css"] as const;

const read = (folder: string, name: string) => fs.readFileSync(path.join(folder, name), "utf8");

/**
 * Files of the page by name. A published package holds the bundle; in a checkout it is made now, from the sources as they are. By
 * esbuild in a process of its own: it does not run inside jest.
 */
export function pageFiles(): Record<string, string> {
  const bundle = BUNDLED.every((name) => fs.existsSync(path.join(APP, "bundle", name)))
    ? Object.fromEntries(BUNDLED.map((name) => [name, read(path.join(APP, "bundle"), name)]))
    : Object.fromEntries(BUNDLED.map((name) => [name, bundled(name)]));
  return { "index.html": read(APP, "index.html"), "nginx.conf": read(__dirname, "nginx.conf"), ...bundle };
}

const ENTRIES = { "page.js": "main.tsx", "page.css": "page.css" } as const;

/** Takes the path of esbuild and its options. */
const BUILD = "process.stdout.write(require(process.argv[1]).buildSync(JSON.parse(process.argv[2])).outputFiles[0].text)";

/** One file of the bundle, from the sources in a folder. */
export function bundled(name: keyof typeof ENTRIES, app = APP): string {
  const options = {
    absWorkingDir: app,
    entryPoints: [ENTRIES[name]],
    bundle: true,
    minify: true,
    write: false,
    target: "es2020",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  };
  // Whether esbuild's own program is a script or a binary depends on how npm installed it; its API knows.
  return execFileSync(process.execPath, ["--eval", BUILD, "--", require.resolve("esbuild"), JSON.stringify(options)], {
    encoding: "utf8",
    // The program's own environment has the whole configuration in it, secrets too.
    env: { PATH: process.env.PATH },
    maxBuffer: 2 ** 24,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

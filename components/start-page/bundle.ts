import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

const ENTRIES = { "page.js": "main.tsx", "page.css": "page.css" } as const;

/** What a bundle is of: files by their paths from the folder of the sources, with the digests that they had. */
type Inputs = Record<string, string>;
type Texts = Record<keyof typeof ENTRIES, string>;

/** Takes the path of esbuild and the options of each build; prints its texts and the names of all files in it. */
const BUILD = `const { buildSync } = require(process.argv[1]);
const built = JSON.parse(process.argv[2]).map((options) => buildSync(options));
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
process.stdout.write(JSON.stringify({ texts: built.map(({ outputFiles }) => outputFiles[0].text), inputs }))`;

/**
 * The files of the bundle, from the sources in a folder. By esbuild in a process of its own: it does not run inside jest.
 *
 * @param kept where they are kept for as long as no file that is in them changes; that process takes a tenth of a preview's time
 */
export function bundled(app: string, kept?: string): Texts {
  const known = kept === undefined ? undefined : read(kept, app);
  if (known) {
    return known;
  }
  const { texts, inputs } = build(app);
  if (kept !== undefined) {
    keep(kept, { texts, inputs: Object.fromEntries(inputs.map((name) => [name, digest(path.join(app, name))])) });
  }
  return texts;
}

function build(app: string): { texts: Texts; inputs: string[] } {
  const options = Object.values(ENTRIES).map((entry) => ({
    absWorkingDir: app,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    // Two checkouts with the same npm packages name their files alike.
    preserveSymlinks: true,
    target: "es2020",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  }));
  // Whether esbuild's own program is a script or a binary depends on how npm installed it; its API knows.
  const output = execFileSync(process.execPath, ["--eval", BUILD, "--", require.resolve("esbuild"), JSON.stringify(options)], {
    encoding: "utf8",
    // The program's own environment has the whole configuration in it, secrets too.
    env: { PATH: process.env.PATH },
    maxBuffer: 2 ** 24,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { texts, inputs } = JSON.parse(output) as { texts: string[]; inputs: string[] };
  return { texts: Object.fromEntries(Object.keys(ENTRIES).map((name, index) => [name, texts[index]])) as Texts, inputs };
}

const digest = (file: string) => createHash("sha256").update(fs.readFileSync(file)).digest("hex");

/** What is kept, if it was made by this file, of files that are still the same. */
function read(kept: string, app: string): Texts | undefined {
  try {
    const { by, texts, inputs } = JSON.parse(fs.readFileSync(kept, "utf8")) as { by: string; texts: Texts; inputs: Inputs };
    const same = by === digest(__filename) && Object.entries(inputs).every(([name, was]) => digest(path.join(app, name)) === was);
    return same ? texts : undefined;
  } catch {
    return undefined;
  }
}

/** Several programs may run at once, and the checkout may be read-only. */
function keep(kept: string, { texts, inputs }: { texts: Texts; inputs: Inputs }): void {
  const unfinished = `${kept}.${process.pid}`;
  try {
    fs.mkdirSync(path.dirname(kept), { recursive: true });
  } catch {
    return;
  }
  try {
    fs.writeFileSync(unfinished, JSON.stringify({ by: digest(__filename), texts, inputs }));
    fs.renameSync(unfinished, kept);
  } catch {
    fs.rmSync(unfinished, { force: true });
  }
}

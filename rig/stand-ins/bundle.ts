import * as fs from "node:fs/promises";
import * as path from "node:path";
import { build } from "esbuild";
import { checkout } from "../checkout";
import { cached } from "./cache";

/**
 * An executable Node.js program made of a TypeScript entry point and all it imports: one CommonJS file that starts fast
 * and needs no node_modules. Kept in the cache under what it is made from.
 *
 * @param entry the entry point, which imports nothing outside `sources` but npm packages and versions.json
 * @param sources the folder of its sources
 */
export async function executable(entry: string, sources: string): Promise<string> {
  const shared = await Promise.all(["package-lock.json", "versions.json"].map((name) => fs.readFile(path.join(checkout, name))));
  const inputs = [path.relative(sources, entry), ...shared, ...(await contents(sources))];
  const directory = await cached("bundles", inputs, async (target) => {
    await fs.writeFile(path.join(target, "bundle.cjs"), `#!/usr/bin/env node\n${await bundle(entry)}`);
  });
  return fs.readFile(path.join(directory, "bundle.cjs"), "utf8");
}

/** ssh2's native parts are left out: it falls back to Node's own crypto. */
async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["cpu-features", "*.node"],
    logLevel: "silent",
    legalComments: "none",
  });
  return result.outputFiles[0].text;
}

/** Names and contents of everything in a folder that can go into a bundle. */
async function contents(directory: string): Promise<(string | Buffer)[]> {
  const names = (await fs.readdir(directory, { recursive: true })).filter((name) => /\.(ts|json)$/.test(name)).sort();
  const files = await Promise.all(names.map((name) => fs.readFile(path.join(directory, name))));
  return names.flatMap((name, index) => [name, files[index]]);
}

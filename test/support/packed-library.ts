import * as fs from "node:fs";
import * as path from "node:path";
import { output } from "./real-engine";

const root = path.resolve(__dirname, "../..");

/** Examples that use the packed library only. */
export const libraryExamples = path.join(root, "examples/library");

/**
 * Packs a copy of the library, so that the checkout stays as it is, and unpacks it below a folder as `npm install` would, with what it
 * depends on and no more.
 *
 * @param more packages beside those that the library depends on
 */
export function installLibrary(directory: string, more: readonly string[] = []): void {
  const copy = path.join(directory, "copy");
  fs.mkdirSync(copy);
  fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  for (const name of ["versions.json", "tsconfig.json"]) {
    fs.copyFileSync(path.join(root, name), path.join(copy, name));
  }
  fs.cpSync(path.join(root, "components"), path.join(copy, "components"), {
    recursive: true,
    filter: (source) => !source.endsWith("/dist") && !source.endsWith("/node_modules"),
  });
  const [{ filename }] = JSON.parse(output(path.join(copy, "components"), "npm", ["pack", "--json", "--loglevel=error"])) as {
    filename: string;
  }[];
  const modules = path.join(directory, "node_modules");
  const target = path.join(modules, "@homelab/components");
  fs.mkdirSync(target, { recursive: true });
  output(target, "tar", ["-xzf", path.join(copy, "components", filename), "--strip-components=1"]);
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(target, "package.json"), "utf8")) as { dependencies: object };
  for (const name of [...Object.keys(dependencies), "@types/node", ...more]) {
    fs.mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), path.join(modules, name));
  }
  fs.rmSync(copy, { recursive: true });
}

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Archive, Asset } from "../protocol";
import { tarOf } from "./tar";

/** One glob as a regular expression: `*` and `?` stop at slashes, `**` does not, `[…]` and `{a,b}` as usual. */
export function globPattern(glob: string): RegExp {
  let source = "";
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i];
    if (character === "*") {
      const deep = glob[i + 1] === "*";
      while (glob[i + 1] === "*") {
        i++;
      }
      source += deep ? ".*" : "[^/]*";
    } else if (character === "?") {
      source += "[^/]";
    } else if (character === "[") {
      const end = glob.indexOf("]", i + 1);
      if (end < 0) {
        throw new Error("unexpected end of input");
      }
      source += `[${glob
        .slice(i + 1, end)
        .replace(/^!/, "^")
        .replace(/\\/g, "\\\\")}]`;
      i = end;
    } else if (character === "{") {
      depth++;
      source += "(?:";
    } else if (character === "}" && depth > 0) {
      depth--;
      source += ")";
    } else if (character === "," && depth > 0) {
      source += "|";
    } else {
      const literal = character === "\\" && i + 1 < glob.length ? glob[++i] : character;
      source += literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  if (depth > 0) {
    throw new Error("unexpected end of input");
  }
  return new RegExp(`^${source}$`, "s");
}

/** Files under `directory` that the globs pick, in order of path; a later `!glob` takes away what earlier ones took. */
export function matchFiles(directory: string, globs: readonly string[]): string[] {
  const rules = globs.map((glob) => ({ take: !glob.startsWith("!"), pattern: globPattern(glob.replace(/^!/, "")) }));
  const taken = (file: string) => rules.reduce((state, { take, pattern }) => (pattern.test(file) ? take : state), false);
  return filesUnder(directory, "").filter(taken).sort();
}

function filesUnder(root: string, relative: string): string[] {
  return fs.readdirSync(path.join(root, relative), { withFileTypes: true }).flatMap((entry) => {
    const file = relative === "" ? entry.name : `${relative}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(root, file) : [file];
  });
}

const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

/** The picked files as file assets by relative path. */
export function assetsOf(directory: string, globs: readonly string[]): Record<string, Asset> {
  const root = path.resolve(directory);
  return Object.fromEntries(
    matchFiles(root, globs).map((file) => {
      const full = path.join(root, file);
      return [file, new Asset({ path: full, hash: sha256(fs.readFileSync(full)) })];
    }),
  );
}

/** The picked files as one archive. Its hash is that of a tar file of them, as the engine computes it. */
export function archiveOf(directory: string, globs: readonly string[]): Archive {
  const found = assetsOf(directory, globs);
  const assets = Object.entries(found).map(([name, asset]) => [name, new Asset({ ...asset.fields, text: "", uri: "" })] as const);
  const contents = Object.entries(found).map(([name, asset]) => ({ name, content: fs.readFileSync(asset.fields.path ?? "") }));
  return new Archive({ assets: Object.fromEntries(assets), hash: sha256(tarOf(contents)), path: "", uri: "" });
}

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { output } from "./real-engine";

const root = path.resolve(__dirname, "../..");
const PROGRAM = [
  "components",
  "maas",
  "settings",
  "index.ts",
  "versions.json",
  "tsconfig.json",
  "load-typescript.cjs",
  "package.json",
  "Pulumi.yaml",
  "test/support/kubeconfig.ts",
  "test/support/mocks.ts",
];

/** A copy of the program, to which the diffs that how-tos show are applied, so that they cannot rot. */
export class Copy {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-how-to-"));

  constructor() {
    fs.symlinkSync(path.join(root, "node_modules"), path.join(this.folder, "node_modules"));
    for (const name of PROGRAM) {
      const filter = (source: string) => !/\/(dist|node_modules)$/.test(source);
      fs.cpSync(path.join(root, name), path.join(this.folder, name), { recursive: true, filter });
    }
  }

  /** Applies a page's diff; the files that it touches. */
  apply(page: string): string[] {
    const [, diff] = /```diff\n([\s\S]*?\n)```/.exec(fs.readFileSync(path.join(root, "docs/how-to", page), "utf8")) ?? [];
    const file = path.join(this.folder, "page.diff");
    fs.writeFileSync(file, diff);
    // Outside of a repository, so that git takes the copy as it is.
    output(this.folder, "git", ["apply", "-C1", file], { GIT_CEILING_DIRECTORIES: path.dirname(this.folder) });
    return [...diff.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, touched]) => touched).sort();
  }

  typeCheck(): void {
    const config = { extends: "./tsconfig.json", include: ["index.ts", "components", "settings"], compilerOptions: { types: ["node"] } };
    this.write("tsconfig.check.json", JSON.stringify(config));
    output(this.folder, process.execPath, ["node_modules/typescript-7/bin/tsc", "-p", "tsconfig.check.json"]);
  }

  write(name: string, text: string): void {
    fs.writeFileSync(path.join(this.folder, name), text);
  }

  /** What a TypeScript program of the copy prints. */
  run(program: string): string {
    return output(this.folder, process.execPath, ["--require", "./load-typescript.cjs", program]);
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

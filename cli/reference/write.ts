/** Writes what the documentation takes from the sources: `node --require ./load-typescript.cjs cli/reference/write.ts`. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { checkout } from "../paths";
import { references } from "./references";

for (const [file, text] of Object.entries(references())) {
  fs.writeFileSync(path.join(checkout, file), text);
}
execFileSync(process.execPath, [path.join(__dirname, "api.mjs")], { cwd: checkout, stdio: ["ignore", 2, 2] });

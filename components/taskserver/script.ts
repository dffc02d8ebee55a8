import { readFileSync } from "node:fs";
import * as path from "node:path";

/** Text of a shell script beside this file, for a config map. Without its comments: the state has each script three times. */
export function script(name: string): string {
  return readFileSync(path.join(__dirname, name), "utf8").replace(/^\s*#(?!!).*\n/gm, "");
}

import { homedir } from "node:os";
import * as path from "node:path";

/** Folder for everything that is expensive to make and the same for every checkout: `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheRoot(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "cloud-native-home-lab");
}

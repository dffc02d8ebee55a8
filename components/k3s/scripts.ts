import * as fs from "node:fs";
import * as path from "node:path";
import { quote } from "../core/shell";

/** Where `k3s.sh` lies on each machine. */
export const SCRIPT_PATH = "/usr/local/lib/homelab/k3s.sh";

/** The folder's scripts as one file; see `scripts/10-lib.sh`. */
export function joinedScripts(folder = path.join(__dirname, "scripts")): string {
  const parts = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".sh"))
    .sort()
    .map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
  return parts.map((text, index) => (index === 0 ? text : text.replace(/^#!.*\n/, ""))).join("\n");
}

/** Takes `k3s.sh` on stdin and puts it in place in one step. */
export const PLACE_SCRIPT = `sudo -n sh -c 'umask 022 && mkdir -p ${path.dirname(SCRIPT_PATH)} && cat >${SCRIPT_PATH}.partial && mv ${SCRIPT_PATH}.partial ${SCRIPT_PATH}'`;

/**
 * Command text that runs one verb of `k3s.sh`. The text shows up in previews, failures and process lists: parameters
 * must not be secrets. Undefined ones are left out.
 */
export function verb(name: string, parameters: Record<string, string | number | undefined> = {}): string {
  const words = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => quote(`${key}=${value}`));
  return ["sudo -n sh", SCRIPT_PATH, name, ...words].join(" ");
}

/** A file for a machine; without `content` it is removed. */
export interface RemoteFile {
  path: string;
  mode: "0600" | "0644";
  content?: string;
}

/** The form in which `k3s.sh` reads files from its stdin, one a line. */
export function filesOnStdin(files: readonly RemoteFile[]): string {
  return files
    .map(({ path: target, mode, content }) =>
      content === undefined ? `absent ${target} -\n` : `${mode} ${target} ${Buffer.from(content, "utf8").toString("base64")}\n`,
    )
    .join("");
}

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { quote } from "../core/shell";

/** Where `k3s.sh` lies on each machine. */
export const SCRIPT_PATH = "/usr/local/lib/homelab/k3s.sh";

/** What `k3s.sh` is made of. Machines get a copy of the folder in their user's home, under the same name. */
export const SCRIPTS_FOLDER = path.join(__dirname, "homelab-k3s");

function parts(): string[] {
  return fs
    .readdirSync(SCRIPTS_FOLDER)
    .filter((name) => name.endsWith(".sh"))
    .sort();
}

/** The folder's scripts as one file; see `homelab-k3s/10-lib.sh`. */
export function joinedScripts(): string {
  const texts = parts().map((name) => fs.readFileSync(path.join(SCRIPTS_FOLDER, name), "utf8"));
  return texts.map((text, index) => (index === 0 ? text : text.replaceAll(/^#!.*\n/gm, ""))).join("");
}

/**
 * Joins the copied files on a machine and puts `k3s.sh` in place in one step. It runs as root from then on, so what the copy holds is
 * compared first; a machine that has this very file needs no copy.
 */
export function placeScript(target = SCRIPT_PATH): string {
  const sum = createHash("sha256").update(joinedScripts()).digest("hex");
  const copies = parts().map((name) => `${path.basename(SCRIPTS_FOLDER)}/${name}`);
  const is = (file: string) => `echo "${sum}  ${file}" | sha256sum --check --status 2>/dev/null`;
  const partial = `${target}.partial`;
  return [
    `${is(target)} && exit 0`,
    "set -e",
    `cat ${copies.join(" ")} | sed '1p;/^#!/d' | sudo -n sh -c 'umask 022 && mkdir -p ${path.dirname(target)} && cat >${partial}'`,
    `if ! ${is(partial)}; then echo "the copy of k3s.sh is not the one that was sent" >&2; exit 1; fi`,
    `sudo -n mv ${partial} ${target}`,
  ].join("\n");
}

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

import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { root } from "./lab";

/** Folders of the computer that MAAS is installed on; each is one of the sandbox in the script's own mount namespace. */
const OWN = ["/usr/local", "/var"];

/** snapd, as far as the script asks: what is installed and from which channel. */
const SNAP = `#!/bin/sh
set -eu
F=/var/lib/snaps
mkdir -p $F
echo "snap $*" >>/var/log/calls
case "$1" in
list)
  [ -e "$F/$2" ] || { echo "error: no matching snaps installed" >&2; exit 1; }
  printf 'Name Version Rev Tracking Publisher Notes\\n%s 3.x 1 %s canonical -\\n' "$2" "$(cat "$F/$2")" ;;
install | refresh) echo "\${3#--channel=}" >"$F/$2"; mkdir -p /var/snap/maas/common /var/snap/maas/current ;;
*) exit 64 ;;
esac
`;

/** The snap's maas command, with what MAAS's own sources say of its prompts and refusals. */
const MAAS = `#!/bin/sh
set -eu
M=/var/snap/maas/common
echo "maas $*" >>/var/log/calls
case "$1" in
config) echo "mode=$(cat $M/snap_mode 2>/dev/null || echo none)" ;;
init)
  [ -e /var/lib/snaps/maas ] || exit 1
  uri= force=
  for word in "$@"; do case "$word" in maas-test-db:///) uri=$word ;; --force) force=yes ;; esac; done
  : >/var/lib/init-runs
  while [ -e /var/lib/slow-init ]; do sleep 0.1; done
  [ -n "$uri" ] || { printf 'Database URI: '; read -r uri; }
  case "$uri" in maas-test-db:///) [ -e /var/lib/snaps/maas-test-db ] || exit 1 ;; postgres://*) ;; *) exit 1 ;; esac
  echo "$2" >$M/snap_mode
  [ ! -e /var/lib/die-in-init ] || exit 137
  echo "$uri" >$M/database ;;
createadmin)
  [ -e $M/database ] || exit 1
  if (: </dev/tty) 2>/dev/null; then exit 65; fi
  read -r one; read -r two; read -r keys
  [ -n "$one" ] && [ "$one" = "$two" ] && [ -z "$keys" ] || { echo "Passwords do not match" >&2; exit 1; }
  echo "$one" >"$M/password-$3" ;;
apikey)
  [ -e "$M/password-$3" ] || { echo "CommandError: User does not exist." >&2; exit 1; }
  cat /usr/local/api-key ;;
config-tls)
  if [ "$2" = enable ]; then
    shift 2
    while [ $# -gt 2 ]; do case "$1" in --yes) shift ;; --cacert) cat "$2" >$M/authority; shift 2 ;; *) shift 2 ;; esac; done
    cat "$1" "$2" >$M/tls
  else
    rm -f $M/tls
  fi ;;
*) exit 64 ;;
esac
`;

const SUDO = `#!/bin/sh
[ "$1" != -n ] || shift
exec "$@"
`;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** An Ubuntu computer for MAAS, without the computer: stand-ins for snapd, MAAS and sudo in folders of its own. Needs root. */
export class RegionHost {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-region-"));

  /** The API key of the administrator once there is one. */
  constructor(apiKey = "consumer:token:secret") {
    for (const below of ["usr_local/sbin", "var/lib", "var/log", "var/tmp"])
      fs.mkdirSync(path.join(this.folder, below), { recursive: true });
    for (const [name, text] of Object.entries({ snap: SNAP, maas: MAAS, sudo: SUDO })) {
      fs.writeFileSync(path.join(this.folder, "usr_local/sbin", name), text, { mode: 0o755 });
    }
    fs.writeFileSync(path.join(this.folder, "usr_local/api-key"), `${apiKey}\n`);
  }

  /** Where a file of the computer lies. */
  at(file: string): string {
    const own = OWN.find((each) => file.startsWith(`${each}/`)) as string;
    return path.join(this.folder, own.slice(1).replaceAll("/", "_"), file.slice(own.length));
  }

  read(file: string): string {
    return fs.readFileSync(this.at(file), "utf8");
  }

  /** Commands that snap and maas were given since the last time. */
  calls(): string[] {
    const log = this.at("/var/log/calls");
    const lines = fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim().split("\n") : [];
    fs.rmSync(log, { force: true });
    return lines;
  }

  /** A command and its arguments that run on the computer. */
  within(...command: string[]): string[] {
    const mounts = OWN.map((own) => `mount --bind ${path.join(this.folder, own.slice(1).replaceAll("/", "_"))} ${own}`).join(" && ");
    return ["unshare", "--mount", "--propagation=private", "sh", "-c", `${mounts} && exec "$@"`, "sh", ...command];
  }

  /** The script by itself, and what to do when it says something. */
  install(parameters: Record<string, string>, secrets: Record<string, string>, said?: () => void): Promise<Outcome> {
    const words = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
    const [program = "", ...rest] = this.within("sh", path.join(root, "components/maas/scripts/region.sh"), "install", ...words);
    const child: ChildProcess = spawn(program, rest);
    const lines = Object.entries(secrets).map(([name, value]) => `${name} ${Buffer.from(value).toString("base64")}\n`);
    child.stdin?.end(lines.join(""));
    const outcome: Outcome = { code: null, stdout: "", stderr: "" };
    child.stdout?.on("data", (data) => (outcome.stdout += data));
    child.stderr?.on("data", (data) => {
      outcome.stderr += data;
      said?.();
    });
    return new Promise((resolve) => child.on("close", (code) => resolve({ ...outcome, code })));
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

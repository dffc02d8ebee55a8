#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# What the program does on a machine, one verb each. The files of this folder are joined in order into
# /usr/local/lib/homelab/k3s.sh, so that a failed command shows one short line instead of a long script.
# Every verb may be killed and run again. Progress goes to stderr, one line of JSON to stdout, secrets come on stdin.
set -eu

ETC=/etc/rancher/k3s
DATA=/var/lib/rancher/k3s
STATE=/var/lib/homelab
K3S=/usr/local/bin/k3s
KUBECONFIG=$ETC/k3s.yaml
export KUBECONFIG
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

say() {
  printf '%s\n' "$*" >&2
}

# Join tokens have a known form; nothing else that k3s logs is secret.
redact() {
  sed -E 's/K10[0-9a-f]{64}::[^[:space:]"]+/K10(redacted)/g; s/(token[=: ]+)[^[:space:]"]{16,}/\1(redacted)/Ig'
}

# fail MESSAGE [UNIT]: with a unit, the end of its journal follows.
fail() {
  say "error: $1"
  if [ -n "${2:-}" ] && command -v journalctl >/dev/null 2>&1; then
    say "--- journal of $2, last 40 lines"
    journalctl --unit "$2" --no-pager --output cat --lines 40 2>/dev/null | cut -c 1-400 | redact >&2 || true
  fi
  exit 1
}

now() {
  cut -d. -f1 /proc/uptime
}

# until_true SECONDS WHAT COMMAND...: polls; says every 30 s that it still waits.
until_true() {
  limit=$(($(now) + $1))
  what=$2
  shift 2
  told=$(now)
  while ! "$@" >/dev/null 2>&1; do
    if [ "$(now)" -ge "$limit" ]; then
      return 1
    fi
    if [ "$(($(now) - told))" -ge 30 ]; then
      say "still waiting for $what"
      told=$(now)
    fi
    sleep 1
  done
}

architecture() {
  case "$(uname -m)" in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) fail "k3s has no release for this machine's architecture $(uname -m)" ;;
  esac
}

# put MODE PATH < CONTENT: atomic, with that mode from the first byte on; adds to CHANGED when the content differs. Not
# for the end of a pipeline: CHANGED would be that of a subshell.
put() {
  mkdir -p "$(dirname "$2")"
  umask 077
  cat >"$2.partial"
  umask 022
  settle "$1" "$2"
}

settle() {
  chmod "$1" "$2.partial"
  if cmp -s "$2.partial" "$2"; then
    chmod "$1" "$2"
    rm -f "$2.partial"
  else
    mv "$2.partial" "$2"
    CHANGED="$CHANGED $2"
  fi
}

# receive_files: what came on stdin, in `files`. Where SSH is cut the rest is missing, and k3s would start for the first time with half of
# its settings, for good. CONFIG is the digest of what k3s reads at its start (k3s-node.ts: readAtStart).
receive_files() {
  files=$(cat)
  if [ -z "$CONFIG" ] || ! command -v python3 >/dev/null 2>&1; then
    return 0
  fi
  got=$(printf '%s\n' "$files" | python3 -c '
import base64, hashlib, json, sys
read = []
for line in sys.stdin:
    mode, path, content = (line.split() + ["", "", ""])[:3]
    if path.startswith("/etc/rancher/k3s/") and path != "/etc/rancher/k3s/config.yaml.d/20-register.yaml":
        # Every file below that folder has this mode; what is absent comes without one.
        read.append({"path": path, "mode": "0600"})
        if mode != "absent":
            read[-1]["content"] = base64.b64decode(content).decode()
text = json.dumps(read, ensure_ascii=False, separators=(",", ":"))
print(hashlib.sha256(text.encode()).hexdigest()[:12])' 2>/dev/null) || got=
  [ "$got" = "$CONFIG" ] || fail "not all files of this machine have arrived: the connection was cut off. Nothing was changed; run it again"
}

# Files come one a line: MODE PATH BASE64. A path alone (mode `absent`) is removed.
read_files() {
  while read -r mode path content; do
    case "$mode" in
    '') ;;
    absent)
      if [ -e "$path" ]; then
        rm -f "$path"
        CHANGED="$CHANGED $path"
      fi
      ;;
    *)
      if [ "$path" = "$ETC/token" ]; then
        change_token "$(printf '%s' "$content" | base64 -d)"
      fi
      mkdir -p "$(dirname "$path")"
      umask 077
      printf '%s' "$content" | base64 -d >"$path.partial"
      umask 022
      settle "$mode" "$path"
      # It is the one that is wanted from now on, whatever an unfinished restore has noted.
      [ "$path" != "$ETC/token" ] || rm -f "$STATE/restore-token"
      ;;
    esac
  done
}

fetch() {
  curl --fail --silent --show-error --location --retry 5 --retry-connrefused --connect-timeout 15 "$@"
}
CHANGED=

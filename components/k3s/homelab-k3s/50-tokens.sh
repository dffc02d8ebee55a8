#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# The server token is the key of the cluster's certificates in the datastore: changing it in a file alone would keep
# k3s from starting. It is changed in the running cluster first, as `k3s token rotate` does, but without putting the
# tokens on a command line.

# server_api TOKEN PATH [METHOD JSON]: the supervisor's API of this server; prints the status code. Nothing secret gets into
# an argument.
server_api() {
  {
    printf 'user = "server:%s"\n' "$1"
    if [ -n "${3:-}" ]; then
      printf 'request = "%s"\nheader = "Content-Type: application/json"\ndata = "%s"\n' "$3" "$(printf '%s' "$4" | sed 's/"/\\"/g')"
    fi
  } | curl --silent --show-error --max-time 30 --output /dev/null --write-out '%{http_code}' --config - \
    --cacert "$DATA/server/tls/server-ca.crt" "https://127.0.0.1:6443$2"
}

# Any answer but a refusal of the credentials will do.
token_accepted() {
  case "$(server_api "$1" /v1-k3s/server-bootstrap 2>/dev/null)" in
  401 | 403 | 000 | '') return 1 ;;
  esac
}

# rotate_token OLD NEW: can be run again after being killed anywhere.
rotate_token() {
  # `k3s token` reads OLD with its certificate hash as well.
  if ! token_accepted "$1"; then
    if token_accepted "$2"; then
      return 0
    fi
    fail "the cluster accepts neither the old nor the new server token; restore the file $ETC/token from a backup" k3s
  fi
  say "changing the server token"
  answer=$(server_api "$1" /v1-k3s/token PUT "{\"newToken\":\"$2\"}") || true
  case "$answer" in
  2*) ;;
  *) fail "the server token could not be changed: the server answered $answer" k3s ;;
  esac
  keep_old_token "$1"
}

# Snapshots that were taken before need the token of their time (k3s#13085).
keep_old_token() {
  umask 077
  printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >>"$STATE/old-tokens"
  umask 022
}

# Called with the wanted files' content still unread: NEW is what is about to be written.
change_token() {
  new=$1
  if [ "$ROLE" != server ] || [ "$FIRST" = false ] || [ ! -s "$ETC/token" ] || [ ! -s "$KUBECONFIG" ]; then
    return 0
  fi
  old=$(cat "$ETC/token")
  if [ "$old" != "$new" ] && systemctl is-active --quiet k3s; then
    rotate_token "$old" "$new"
  fi
}

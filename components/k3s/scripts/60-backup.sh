#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# backup: one archive with the datastore, the server token without which it is worth nothing, and what it is of.
# Also run by homelab-backup.timer, with the settings in /etc/homelab/backup.conf.

BACKUPS=$STATE/backups

datastore_kind() {
  if [ -s "$DATA/server/db/state.db" ]; then
    echo sqlite
  elif [ -s "$ETC/config.yaml.d/10-start.yaml" ]; then
    echo etcd
  elif [ -s "$ETC/config.yaml.d/15-datastore.yaml" ]; then
    fail "the datastore is outside of the cluster (homelab:cluster.datastore): back it up where it is"
  elif [ -d "$DATA/server/db" ]; then
    echo files
  else
    fail "this machine has no datastore: backups are made on a server"
  fi
}

copy_datastore() {
  case "$1" in
  etcd)
    "$K3S" etcd-snapshot save --name "homelab-backup" --dir "$2/snapshot" >&2 || fail "etcd made no snapshot" k3s
    mv "$2"/snapshot/homelab-backup* "$2/snapshot.db"
    rm -rf "$2/snapshot"
    ;;
  sqlite)
    # SQLite's own backup interface: consistent while k3s writes.
    python3 - "$DATA/server/db/state.db" "$2/state.db" <<'PYTHON' || fail "the SQLite datastore could not be copied"
import sqlite3, sys
with sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True) as source, sqlite3.connect(sys.argv[2]) as target:
    source.backup(target)
PYTHON
    ;;
  files)
    # A datastore that cannot be copied in use is copied at rest; containers keep running meanwhile.
    systemctl stop k3s
    tar -C "$DATA/server" -cf "$2/db.tar" db || {
      systemctl start k3s
      fail "the datastore's files could not be copied"
    }
    systemctl start k3s
    ;;
  esac
}

json_text() {
  printf '%s' "$1" | sed 's/["\\]/\\&/g'
}

backup() {
  if [ -s /etc/homelab/backup.conf ]; then
    # shellcheck source=/dev/null
    . /etc/homelab/backup.conf
  fi
  kind=$(datastore_kind)
  name="${NAME:-$(hostname)-$(date -u +%Y%m%dT%H%M%SZ)}"
  umask 077
  mkdir -p "$BACKUPS"
  stage="$BACKUPS/.partial-$name"
  trap 'rm -rf "$stage"' EXIT
  rm -rf "$stage"
  mkdir "$stage"
  copy_datastore "$kind" "$stage"
  cp "$ETC/token" "$stage/token"
  printf '{"kind":"%s","version":"%s","node":"%s","made":"%s"}\n' "$kind" "$(installed_version)" "$(json_text "$(hostname)")" \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$stage/backup.json"
  tar -C "$stage" -czf "$stage.tar.gz" .
  mv "$stage.tar.gz" "$BACKUPS/$name.tar.gz"
  umask 022
  keep_newest
  upload "$BACKUPS/$name.tar.gz"
  date +%s >"$STATE/last-backup"
  printf '{"name":"%s","file":"%s","bytes":%s,"sha256":"%s"}\n' "$name" "$BACKUPS/$name.tar.gz" \
    "$(stat -c %s "$BACKUPS/$name.tar.gz")" "$(sha256_of "$BACKUPS/$name.tar.gz")"
}

keep_newest() {
  find "$BACKUPS" -maxdepth 1 -name '*.tar.gz' -printf '%T@ %p\n' | sort -rn | tail -n "+$((${KEEP:-8} + 1))" | cut -d' ' -f2- |
    while read -r old; do rm -f "$old"; done
}

# To S3, when the settings say so; the keys come from a file and go to curl by its stdin.
upload() {
  [ -n "${S3_ENDPOINT:-}" ] || return 0
  printf 'user = "%s:%s"\n' "$S3_ACCESS_KEY" "$S3_SECRET_KEY" |
    curl --silent --show-error --fail --retry 3 --config - --aws-sigv4 "aws:amz:$S3_REGION:s3" --output /dev/null \
      --upload-file "$1" "$S3_ENDPOINT/$S3_BUCKET/$S3_FOLDER$(basename "$1")" ||
    fail "the backup was made, $1, but could not be sent to $S3_ENDPOINT/$S3_BUCKET (homelab:cluster.backups.s3)"
}

# fetch-backup: the archive itself on stdout.
fetch_backup() {
  file="$BACKUPS/$(basename "$NAME").tar.gz"
  [ -s "$file" ] || fail "there is no backup $NAME on $(hostname)"
  cat "$file"
}

list_backups() {
  find "$BACKUPS" -maxdepth 1 -name '*.tar.gz' -printf '%f %s %T@\n' 2>/dev/null | sort |
    awk 'BEGIN { printf "[" } { sub(/\.tar\.gz$/, "", $1); printf "%s{\"name\":\"%s\",\"bytes\":%s,\"made\":%d}", (NR > 1 ? "," : ""), $1, $2, $3 } END { print "]" }'
}

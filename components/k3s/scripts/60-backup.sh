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

# To S3, when the settings say so. Signed here: curl's own signing leaves the content's digest out, without which S3 takes nothing,
# in the versions that machines have. The keys are in nobody's arguments.
upload() {
  [ -n "${S3_ENDPOINT:-}" ] || return 0
  export S3_ACCESS_KEY S3_SECRET_KEY
  python3 - "$1" "$S3_ENDPOINT" "/$S3_BUCKET/$S3_FOLDER$(basename "$1")" "$S3_REGION" "$(sha256_of "$1")" <<'PYTHON' ||
import datetime, hashlib, hmac, os, sys, time, urllib.error, urllib.parse, urllib.request
file, endpoint, key, region, digest = sys.argv[1:]

def attempt():
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": urllib.parse.urlsplit(endpoint).netloc, "x-amz-content-sha256": digest, "x-amz-date": moment}
    signed = ";".join(headers)
    request = "\n".join(["PUT", urllib.parse.quote(key), "", *("%s:%s" % pair for pair in headers.items()), "", signed, digest])
    scope = "%s/%s/s3/aws4_request" % (moment[:8], region)
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + os.environ["S3_SECRET_KEY"]).encode()
    for part in scope.split("/") + [text]:
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        os.environ["S3_ACCESS_KEY"], scope, signed, secret.hex())
    headers["content-length"] = str(os.path.getsize(file))
    with open(file, "rb") as body:
        put = urllib.request.Request(endpoint + urllib.parse.quote(key), data=body, headers=headers, method="PUT")
        urllib.request.urlopen(put, timeout=300).close()

for left in (2, 1, 0):
    try:
        attempt()
        break
    except (urllib.error.URLError, OSError) as error:
        refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
        if refused or not left:
            sys.exit("S3: %s" % error)
        time.sleep(1)
PYTHON
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

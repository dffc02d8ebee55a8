#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# backup: one archive with the datastore, the server token without which it is worth nothing, and what it is of.
# Also run by homelab-backup.timer, with the settings in /etc/homelab/backup.conf.

BACKUPS=$STATE/backups

datastore_kind() {
  if [ -s "$DATA/server/db/state.db" ]; then
    echo sqlite
  elif [ -s "$ETC/config.yaml.d/10-start.yaml" ] || [ -d "$DATA/server/db/etcd/member" ]; then
    # k3s goes on with an etcd that it finds, whatever it is told, and the embedded lab's k3s has nothing else.
    echo etcd
  elif [ -s "$ETC/config.yaml.d/15-datastore.yaml" ]; then
    fail "the datastore is outside of the cluster (homelab:cluster.datastore): back it up where it is"
  else
    fail "this machine has no datastore: backups are made on a server"
  fi
}

copy_datastore() {
  case "$1" in
  etcd)
    "$K3S" etcd-snapshot save --name "homelab-backup" --dir "$2/snapshot" >&2 || fail "etcd made no snapshot" k3s
    check_snapshot "$2/snapshot" "$2/snapshot.db" || fail "etcd's snapshot is not complete"
    rm -rf "$2/snapshot"
    ;;
  sqlite)
    # SQLite's own backup interface: consistent while k3s writes.
    python3 - "$DATA/server/db/state.db" "$2/state.db" <<'PYTHON' || fail "the SQLite datastore could not be copied"
import sqlite3, sys
with sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True) as source, sqlite3.connect(sys.argv[2]) as target:
    source.backup(target)
PYTHON
    whole_database "$2/state.db" || fail "the copy of the SQLite datastore is damaged"
    ;;
  esac
}

# check_snapshot FOLDER FILE: the one snapshot of the folder, as FILE. etcd ends each snapshot with the SHA-256 of what comes
# before; a file without it was cut off.
check_snapshot() {
  python3 - "$1" "$2" <<'PYTHON'
import os, shutil, sys, zipfile
folder, target = sys.argv[1:]
found = sorted(os.path.join(folder, name) for name in os.listdir(folder) if not name.endswith(".part"))
if len(found) != 1:
    sys.exit("there are %d snapshots instead of one" % len(found))
if zipfile.is_zipfile(found[0]):
    # etcd-snapshot-compress: a restore would not know it by this name.
    with zipfile.ZipFile(found[0]) as packed, packed.open(packed.namelist()[0]) as source, open(target, "wb") as to:
        shutil.copyfileobj(source, to)
else:
    os.rename(found[0], target)
PYTHON
  whole_snapshot "$2"
}

# whole_snapshot FILE: it has the checksum that it ends with.
whole_snapshot() {
  python3 - "$1" <<'PYTHON'
import hashlib, os, sys
file = sys.argv[1]
left, digest = os.path.getsize(file) - 32, hashlib.sha256()
if left <= 0 or left % 512:
    sys.exit("a snapshot cannot have %d bytes" % (left + 32))
with open(file, "rb") as content:
    while left:
        block = content.read(min(left, 1 << 20))
        digest.update(block)
        left -= len(block)
    if content.read() != digest.digest():
        sys.exit("the snapshot does not have the checksum that it ends with")
PYTHON
}

# whole_database FILE: SQLite finds nothing wrong with it.
whole_database() {
  python3 - "$1" <<'PYTHON'
import sqlite3, sys
try:
    found = sqlite3.connect("file:%s?mode=ro&immutable=1" % sys.argv[1], uri=True).execute("PRAGMA quick_check(1)").fetchone()[0]
except sqlite3.Error as error:
    found = error
if found != "ok":
    sys.exit("the SQLite datastore is damaged: %s" % found)
PYTHON
}

json_text() {
  printf '%s' "$1" | sed 's/["\\]/\\&/g'
}

# complete_backup FILE: what a restore needs is in it, and it can be read to its end.
complete_backup() {
  names=$(tar -tzf "$1" 2>/dev/null) || return 1
  for needed in token backup.json; do
    echo "$names" | grep -qx "./$needed" || return 1
  done
  echo "$names" | grep -qx './snapshot\.db\|./state\.db\|./db\.tar'
}

# What is not complete has a name that begins with a dot. Under the lock it is a killed run's.
drop_unfinished() {
  find "$BACKUPS" -maxdepth 1 -name '.partial-*' -exec rm -rf {} +
}

backup() {
  if [ -s /etc/homelab/backup.conf ]; then
    # shellcheck source=/dev/null
    . /etc/homelab/backup.conf
  fi
  # While the token changes, or a restore is half done, datastore and token do not belong together.
  lock_machine --shared
  kind=$(datastore_kind)
  name="${NAME:-$(hostname)-$(date -u +%Y%m%dT%H%M%SZ)}"
  umask 077
  mkdir -p "$BACKUPS"
  # The timer's and somebody's own would take each other's unfinished files away.
  lock_backups
  drop_unfinished
  stage="$BACKUPS/.partial-$name"
  trap drop_unfinished EXIT
  trap 'exit 143' HUP INT TERM
  mkdir "$stage"
  copy_datastore "$kind" "$stage"
  cp "$ETC/token" "$stage/token"
  # What a later proof compares with. A copy that cannot be read shows then; it is kept meanwhile.
  noted=$(contents "$kind" "$(find "$stage" -name '*.db')" 2>/dev/null) || noted=null
  printf '{"kind":"%s","version":"%s","node":"%s","made":"%s","contents":%s}\n' "$kind" "$(installed_version)" \
    "$(json_text "$(hostname)")" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$noted" >"$stage/backup.json"
  tar -C "$stage" -czf "$stage.tar.gz" . || fail "the backup could not be written to $BACKUPS (is the disk full?); those that are there stay"
  if ! tar -C "$stage" --compare -zf "$stage.tar.gz" >&2 || ! complete_backup "$stage.tar.gz"; then
    fail "the backup cannot be read back; those that are there stay"
  fi
  # On the disk before it has a name that counts: a power cut leaves all of it or nothing.
  sync "$stage.tar.gz"
  mv "$stage.tar.gz" "$BACKUPS/$name.tar.gz"
  sync "$BACKUPS"
  rm -rf "$stage"
  umask 022
  keep_newest "$BACKUPS/$name.tar.gz"
  # One that fails is no reason not to try the other.
  copied=0
  (to_folder "$BACKUPS/$name.tar.gz") || copied=$?
  (upload "$BACKUPS/$name.tar.gz") || copied=$?
  [ "$copied" = 0 ] || exit "$copied"
  date +%s >"$STATE/last-backup"
  # The timer's have no name of somebody's own.
  [ -n "${NAME:-}" ] || prove_if_due "$BACKUPS/$name.tar.gz"
  printf '{"name":"%s","file":"%s","bytes":%s,"sha256":"%s"}\n' "$name" "$BACKUPS/$name.tar.gz" \
    "$(stat -c %s "$BACKUPS/$name.tar.gz")" "$(sha256_of "$BACKUPS/$name.tar.gz")"
}

# keep_newest FILE: FILE, which is verified, is kept whatever its time says (clocks jump), and the newest others up to KEEP that are not older
# than KEEP_FOR seconds, in its folder. What cannot be restored does not count; what was proven last does not go by its age.
keep_newest() {
  find "${1%/*}" -maxdepth 1 -name '*.tar.gz' ! -name '.*' -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2- | {
    kept=1
    while read -r each; do
      if [ "$each" = "$1" ]; then
        continue
      elif ! complete_backup "$each"; then
        say "removing $each: it is not a complete backup"
        rm -f "$each"
      elif [ "$kept" -lt "${KEEP:-8}" ] && ! too_old "$each"; then
        kept=$((kept + 1))
      else
        rm -f "$each"
      fi
    done
  }
}

too_old() {
  [ -n "${KEEP_FOR:-}" ] && [ "$(($(date +%s) - $(stat -c %Y "$1")))" -gt "$KEEP_FOR" ] || return 1
  [ "$(cut -d' ' -f2 "$PROVEN" 2>/dev/null)" != "$(basename "$1" .tar.gz)" ]
}

# to_folder FILE: a copy to another disk or computer, when the settings say so, in a folder of this server's own. Where that is not mounted
# it would fill this disk.
to_folder() {
  [ -n "${FOLDER:-}" ] || return 0
  timeout 60 mountpoint -q "$FOLDER" ||
    fail "the backup was made, $1, but not copied: nothing is mounted at $FOLDER on $(hostname) (homelab:cluster.backups.folder)"
  copy="$FOLDER/$(hostname)/$(basename "$1")"
  unfinished="$FOLDER/$(hostname)/.partial.tar.gz"
  umask 077
  if ! mkdir -p "${copy%/*}" || ! cp "$1" "$unfinished" || ! sync "$unfinished" || [ "$(sha256_of "$unfinished")" != "$(sha256_of "$1")" ] ||
    ! mv "$unfinished" "$copy"; then
    rm -f "$unfinished"
    fail "the backup was made, $1, but could not be copied to $FOLDER (is it full, or read-only?); the copies that are there stay"
  fi
  umask 022
  keep_newest "$copy"
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
  case "$NAME" in
  .*) file= ;;
  esac
  [ -s "$file" ] || fail "there is no backup $NAME on $(hostname)"
  cat "$file"
}

# What a restore could not use is none.
list_backups() {
  find "$BACKUPS" -maxdepth 1 -name '*.tar.gz' ! -name '.*' -printf '%f %s %T@\n' 2>/dev/null | sort |
    while read -r each; do
      if complete_backup "$BACKUPS/${each%% *}"; then
        echo "$each"
      else
        say "${each%% *} is not a complete backup"
      fi
    done |
    awk 'BEGIN { printf "[" } { sub(/\.tar\.gz$/, "", $1); printf "%s{\"name\":\"%s\",\"bytes\":%s,\"made\":%d}", (NR > 1 ? "," : ""), $1, $2, $3 } END { print "]" }'
}

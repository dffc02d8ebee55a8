#!/bin/sh
# Proves the newest archive of a task server: unpacks it into scratch space and compares it with what the backup noted of the data.
#
#   verify.sh SCRATCH BACKUPS NAME
#
# Only the newest: an older one that is whole would hide that backups have gone wrong. It ends with 1 where there is none a day
# after the folder was made, or where it is not what was backed up. Nothing that it prints names a user: the folders' names are half of their credentials.
set -eu
scratch=$1/unpacked
backups=$2
name=$3
umask 077

refuse() {
  echo "not proven: $1"
  exit 1
}

archive=$(find "$backups" -name "$name-*.tar.gz" | sort | tail -n 1)
if [ -z "$archive" ]; then
  # Where the file system does not say when the folder was made, an archive is missed from the first day on.
  born=$(stat -c %W "$backups" 2>/dev/null) || born=0
  if [ "$born" -gt $(($(date +%s) - 86400)) ] 2>/dev/null; then
    echo "nothing to prove yet: the first backup of $name is not due"
    exit 0
  fi
  refuse "there is no archive of $name"
fi
# What a killed run has left here would be counted.
rm -rf "$scratch"
mkdir -p "$scratch"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 143' HUP INT TERM
tar -C "$scratch" -xzf "$archive" 2>/dev/null || refuse "${archive##*/} cannot be unpacked"

# shellcheck source=/dev/null
. "${0%/*}/contents.sh"
cd "$scratch"
# Archives of an older release have noted nothing.
if [ -f backup.contents ]; then
  mv backup.contents ../noted
  contents . >../found
  cmp -s ../noted ../found ||
    refuse "${archive##*/} has $(wc -l <../found) files, of which $(grep -cxFf ../noted ../found || true) are as backed up, out of $(wc -l <../noted)"
fi

# Each line is a task as JSON, or the key of a sync; anything else was cut off.
taskd_counts() {
  find orgs -path '*/users/*/tx.data' -exec cat {} + | awk '
    /^\{.*\}$/ { tasks++; next }
    /^[0-9a-f-]*$/ && length($0) == 36 { syncs++; next }
    length($0) > 0 { damaged++ }
    END { if (damaged) exit 1; printf "%d tasks in %d syncs", tasks, syncs }' ||
    refuse "${archive##*/} has lines in a tx.data that are neither a task nor the key of a sync"
  echo " of $(find orgs -path '*/users/*/tx.data' | wc -l) users"
}

# SQLite's own check, after it has taken in what was in its write-ahead log; then whether each client's newest version is there.
taskchampion_counts() {
  command -v sqlite3 >/dev/null || refuse "this image has no sqlite3: build components/taskserver/Containerfile anew for homelab:images.taskd"
  database=$(find . -maxdepth 1 -name '*.sqlite3')
  [ -f "$database" ] || refuse "${archive##*/} holds no database"
  rm -f "$database-shm"
  checked=$(sqlite3 "$database" 'PRAGMA integrity_check(1)' 2>&1) || true
  [ "$checked" = ok ] || refuse "the database in ${archive##*/} is damaged: $checked"
  lost=$(sqlite3 "$database" "SELECT count(*) FROM clients WHERE latest_version_id <> '00000000-0000-0000-0000-000000000000'
    AND latest_version_id NOT IN (SELECT version_id FROM versions)" 2>&1) || refuse "the database in ${archive##*/} is not TaskChampion's: $lost"
  [ "$lost" = 0 ] || refuse "$lost clients in ${archive##*/} lack their newest version"
  sqlite3 -separator ' ' "$database" "SELECT count(DISTINCT client_id) || ' clients with ' || count(*) || ' versions' FROM versions"
}

counted=$("${name}_counts") || refuse "${counted#not proven: }"
echo "proved ${archive##*/}: $counted"

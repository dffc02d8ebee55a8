#!/bin/sh
# Puts a task server's data folder into an archive, while the server runs, and drops archives that are too old.
#
#   backup.sh DATA BACKUPS NAME KEEP [SECONDS]
#
# It keeps as many as KEEP that are not older than SECONDS, and the one that it makes in any case.
# With S3_URL in its environment the archive also goes to object storage: see object-storage.sh.
#
# Consistent without stopping the server: the copy counts only if no file changed while it was made, which is what a
# power cut at that moment would have left, and what both taskd and SQLite recover from.
set -eu
data=$1
backups=$2
name=$3
keep=$4
seconds=${5:-}
archive=$backups/$name-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
umask 077
# Whatever way this ends, nothing incomplete stays; what a killed run has left goes at the next one.
trap 'rm -f "$backups/$name-"*.tar.gz.new "$data/backup.contents"' EXIT
trap 'exit 143' HUP INT TERM
rm -f "$backups/$name-"*.tar.gz.new
# shellcheck source=/dev/null
. "${0%/*}/contents.sh"

# Only what belongs to the server: not what a restore leaves or asks for. busybox's tar cannot leave files out.
cd "$data"
set --
for entry in * .[!.]*; do
  case $entry in
    incoming | replacing | replaced | restore | restore.new | restore.placing | backup.contents | lost+found) ;;
    *) [ ! -e "$entry" ] || set -- "$@" "$entry" ;;
  esac
done
if [ $# -eq 0 ]; then
  echo "there is nothing to back up"
  exit 1
fi

# whole FILE: it can be read to its end and there is something in it.
whole() {
  listed=$(tar -tzf "$1" 2>/dev/null) && [ -n "$listed" ]
}

state() {
  find "$@" -type f -exec stat -c '%n %i %s %Y' {} + | sort | md5sum
}

# noted ENTRY...: the file of notes for a later proof. A volume that is full has no room for it, and is backed up all the same.
noted() {
  notes=$(contents "$@")
  if printf '%s\n' "$notes" 2>/dev/null >backup.contents && [ "$(cat backup.contents)" = "$notes" ]; then
    echo backup.contents
  else
    rm -f backup.contents
  fi
}

attempt=1
while :; do
  before=$(state "$@")
  # A server that writes on meanwhile makes tar fail or the states differ; either way this copy does not count.
  # shellcheck disable=SC2046 # one word or none
  if tar -czf "$archive.new" $(noted "$@") "$@" && [ "$(state "$@")" = "$before" ]; then
    break
  fi
  if [ "$attempt" -ge "${ATTEMPTS:-20}" ]; then
    echo "the data changed, or could not be copied, during each of $attempt attempts; the archives that are there stay"
    exit 1
  fi
  attempt=$((attempt + 1))
  sleep "${PAUSE:-3}"
done
whole "$archive.new" || {
  echo "the archive cannot be read back; those that are there stay"
  exit 1
}
sync
mv "$archive.new" "$archive"
echo "wrote ${archive##*/}, $(stat -c %s "$archive") bytes"

too_old() {
  [ -n "$seconds" ] && [ "$(($(date +%s) - $(stat -c %Y "$1")))" -gt "$seconds" ]
}

# The names sort by time. The one just made is never dropped, whatever the clock says, and what cannot be read does not count.
kept=1
find "$backups" -name "$name-*.tar.gz" | sort -r | while read -r old; do
  [ "$old" != "$archive" ] || continue
  if whole "$old" && [ "$kept" -lt "$keep" ] && ! too_old "$old"; then
    kept=$((kept + 1))
  else
    rm -f "$old"
    echo "dropped ${old##*/}"
  fi
done

if [ -n "${S3_URL:-}" ]; then
  # shellcheck source=/dev/null
  . "${0%/*}/object-storage.sh"
  object_put "$archive"
  echo "sent ${archive##*/} to object storage"
fi

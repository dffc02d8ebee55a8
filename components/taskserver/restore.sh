#!/bin/sh
# Restores a task server's data folder in two steps, so that it is never written below a running server.
#
#   restore.sh ask DATA BACKUPS NAME [ARCHIVE]   notes which archive is wanted, the newest unless given; then restart the pod
#   restore.sh list DATA BACKUPS NAME            says what archives there are
#   restore.sh do DATA BACKUPS                   before the server starts: carries out what was asked for, if anything was
#
# What was there before goes to DATA/replaced and stays until the next restore.
set -eu
step=$1
data=$2
backups=$3
umask 077

here() {
  find "$backups" -name "$1-*.tar.gz" | sort | sed 's|.*/||'
}

if [ "$step" != "do" ] && [ -n "${S3_URL:-}" ]; then
  # shellcheck source=/dev/null
  . "${0%/*}/object-storage.sh"
fi

case $step in
  list)
    {
      here "$4"
      [ -z "${S3_URL:-}" ] || object_list "$4-"
    } | sort -u
    ;;
  ask)
    archive=${5:-$(here "$4" | tail -n 1)}
    archive=${archive##*/}
    if [ -n "${S3_URL:-}" ]; then
      # The backups' volume may be new, or have dropped it.
      archive=${archive:-$(object_list "$4-" | tail -n 1)}
      [ -z "$archive" ] || [ -f "$backups/$archive" ] || object_get "$archive" "$backups/$archive" || true
    fi
    if [ -z "$archive" ] || [ ! -f "$backups/$archive" ]; then
      echo "there is no archive ${archive:-of $4}; there are:"
      find "$backups" -name '*.tar.gz' | sort | sed 's|.*/||'
      exit 2
    fi
    tar -tzf "$backups/$archive" >/dev/null
    echo "$archive" >"$data/restore.new"
    mv "$data/restore.new" "$data/restore"
    echo "$archive will be restored at the next start"
    ;;
  do)
    [ -f "$data/restore" ] || exit 0
    archive=$(cat "$data/restore")
    rm -rf "$data/incoming"
    mkdir "$data/incoming"
    tar -C "$data/incoming" -xzf "$backups/$archive"
    # From here on everything is a rename on one file system; a restart after a kill starts over from the archive.
    rm -rf "$data/replaced"
    mkdir "$data/replaced"
    for entry in "$data"/* "$data"/.[!.]*; do
      case ${entry##*/} in
        incoming | replaced | restore | lost+found | '*' | '.[!.]*') ;;
        *) mv "$entry" "$data/replaced/" ;;
      esac
    done
    for entry in "$data"/incoming/* "$data"/incoming/.[!.]*; do
      case ${entry##*/} in
        '*' | '.[!.]*') ;;
        *) mv "$entry" "$data/" ;;
      esac
    done
    rm -rf "$data/incoming"
    rm -f "$data/restore"
    echo "restored $archive"
    ;;
esac

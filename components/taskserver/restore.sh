#!/bin/sh
# Restores a task server's data folder in two steps, so that it is never written below a running server.
#
#   restore.sh ask DATA BACKUPS NAME [ARCHIVE]   notes which archive is wanted, the newest unless given; then restart the pod
#   restore.sh list DATA BACKUPS NAME            says what archives there are
#   restore.sh do DATA BACKUPS                   before the server starts: carries out what was asked for, if anything was
#
# What was there before goes to DATA/replaced and stays until the next restore. Killed anywhere, `do` goes on at the next start.
set -eu
step=$1
data=$2
backups=$3
umask 077

here() {
  find "$backups" -name "$1-*.tar.gz" | sort | sed 's|.*/||'
}

# The newest that can be read: one that was cut off is no backup.
newest_whole() {
  here "$1" | sort -r | while read -r each; do
    if tar -tzf "$backups/$each" >/dev/null 2>&1; then
      echo "$each"
      break
    fi
  done
}

# move_all FROM TO: everything but what is a restore's own.
move_all() {
  for entry in "$1"/* "$1"/.[!.]*; do
    case ${entry##*/} in
      incoming | replacing | replaced | restore | restore.placing | lost+found | '*' | '.[!.]*') ;;
      *) mv "$entry" "$2/" ;;
    esac
  done
}

place() {
  [ -f "$data/restore.placing" ] || return 0
  [ ! -d "$data/incoming" ] || move_all "$data/incoming" "$data"
  rm -rf "$data/incoming"
  if [ -d "$data/replacing" ]; then
    rm -rf "$data/replaced"
    mv "$data/replacing" "$data/replaced"
  fi
  echo "restored $(cat "$data/restore.placing")"
  rm -f "$data/restore.placing"
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
    archive=${5:-$(newest_whole "$4")}
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
    if ! tar -tzf "$backups/$archive" >/dev/null 2>&1; then
      echo "$archive is cut off or damaged; choose another one:"
      here "$4"
      exit 2
    fi
    echo "$archive" >"$data/restore.new"
    mv "$data/restore.new" "$data/restore"
    echo "$archive will be restored at the next start"
    ;;
  do)
    # `restore` asks. `restore.placing` says that all of the old data is in `replacing`, and all of the archive here or in
    # `incoming`. Each step is a rename on one file system.
    place
    if [ -f "$data/restore" ]; then
      archive=$(cat "$data/restore")
      rm -rf "$data/incoming"
      mkdir "$data/incoming"
      if ! tar -C "$data/incoming" -xzf "$backups/$archive"; then
        # The server would never start again: damaged since it was asked for, or no room for it.
        rm -rf "$data/incoming"
        rm -f "$data/restore"
        echo "not restored: $archive cannot be unpacked, or the volume is full; the data that was there stays"
        exit 0
      fi
      # What a backup notes for its proof is no data.
      rm -f "$data/incoming/backup.contents"
      mkdir -p "$data/replacing"
      move_all "$data" "$data/replacing"
      mv "$data/restore" "$data/restore.placing"
      place
    fi
    ;;
esac

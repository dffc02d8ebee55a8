#!/bin/sh
# What only the machine itself can tell, as a file for node-exporter's textfile collector: when k3s's certificates end,
# how old the newest etcd snapshot and the newest backup are, and whether an update waits for a restart.
#
#   machine-metrics K3S-DATA TEXTFILE-FOLDER [BACKUPS [RUN]]
set -eu
k3s=$1
folder=$2
backups=${3:-/var/lib/homelab/backups}
out=$folder/homelab.prom
mkdir -p "$folder"

{
  # Debian and Ubuntu leave this file where an update of the kernel, of systemd or of a library is in use after a restart only.
  echo '# HELP homelab_restart_needed Whether an update of the system waits for a restart of the machine.'
  echo '# TYPE homelab_restart_needed gauge'
  if [ -e "${4:-/run}/reboot-required" ]; then echo 'homelab_restart_needed 1'; else echo 'homelab_restart_needed 0'; fi
  echo '# HELP homelab_certificate_expiry_timestamp_seconds When a certificate of k3s ends.'
  echo '# TYPE homelab_certificate_expiry_timestamp_seconds gauge'
  for file in "$k3s"/server/tls/*.crt "$k3s"/server/tls/etcd/*.crt "$k3s"/agent/*.crt; do
    [ -f "$file" ] || continue
    # The first certificate of a file is the one that is used; what follows are its authorities.
    end=$(openssl x509 -in "$file" -noout -enddate 2>/dev/null) || continue
    name=${file#"$k3s"/}
    printf 'homelab_certificate_expiry_timestamp_seconds{certificate="%s"} %s\n' "${name%.crt}" "$(date -d "${end#notAfter=}" +%s)"
  done
  newest=$(find "$k3s/server/db/snapshots" -maxdepth 1 -type f -printf '%T@ %s\n' 2>/dev/null | sort -n | tail -n 1)
  if [ -n "$newest" ]; then
    echo '# HELP homelab_etcd_snapshot_timestamp_seconds When the newest etcd snapshot was taken.'
    echo '# TYPE homelab_etcd_snapshot_timestamp_seconds gauge'
    printf 'homelab_etcd_snapshot_timestamp_seconds %s\n' "${newest%% *}"
    echo '# HELP homelab_etcd_snapshot_size_bytes Size of the newest etcd snapshot.'
    echo '# TYPE homelab_etcd_snapshot_size_bytes gauge'
    printf 'homelab_etcd_snapshot_size_bytes %s\n' "${newest##* }"
  fi
  # Archives of the datastore with its token, which a timer makes on each server.
  archive=$(find "$backups" -maxdepth 1 -type f -name '*.tar.gz' -printf '%T@ %s\n' 2>/dev/null | sort -n | tail -n 1)
  if [ -d "$k3s/server/db" ]; then
    echo '# HELP homelab_cluster_backup_timestamp_seconds When the newest backup of the datastore was made; since when there has been none.'
    echo '# TYPE homelab_cluster_backup_timestamp_seconds gauge'
    made=${archive%% *}
    # One that was not copied to where the settings want it is not finished: `last-backup` is of the last that was.
    finished=$(cat "${backups%/*}/last-backup" 2>/dev/null || true)
    if [ -n "$made" ] && [ "${finished:-${made%%.*}}" -lt "${made%%.*}" ]; then made=$finished; fi
    printf 'homelab_cluster_backup_timestamp_seconds %s\n' "${made:-$(stat -c %Y "$k3s/server/token" 2>/dev/null || stat -c %Y "$k3s/server")}"
    echo '# HELP homelab_cluster_backup_size_bytes Size of the newest backup of the datastore.'
    echo '# TYPE homelab_cluster_backup_size_bytes gauge'
    size=${archive##* }
    printf 'homelab_cluster_backup_size_bytes %s\n' "${size:-0}"
    echo '# HELP homelab_cluster_backup_proven_timestamp_seconds When a backup was last unpacked and compared; since when none was.'
    echo '# TYPE homelab_cluster_backup_proven_timestamp_seconds gauge'
    proven=$(cut -d' ' -f1 "${backups%/*}/proven-backup" 2>/dev/null || true)
    printf 'homelab_cluster_backup_proven_timestamp_seconds %s\n' \
      "${proven:-$(stat -c %Y "$k3s/server/token" 2>/dev/null || stat -c %Y "$k3s/server")}"
  fi
} >"$out.new"
chmod 644 "$out.new"
# In one step, so that node-exporter never reads half a file.
mv "$out.new" "$out"

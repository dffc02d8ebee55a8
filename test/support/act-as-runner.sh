#!/bin/sh
# Runs a command as the user `runner`, who may use sudo without a password, as on a forge's machines. The user exists in a mount
# namespace of this command's own only.  Usage: act-as-runner.sh FOLDER COMMAND…
# LAB_TEST_CACHE is root's cache, LAB_TEST_CACHED what of it an earlier job has left to the runner: names, or `.` for all of it.
set -eu
folder=$1
shift
id=4711
# Off in a network of its own, and on already in another.
ip link set lo up
cache=$folder/home/.cache/cloud-native-home-lab
mkdir -p "$folder/etc" "$folder/work" "$cache" "$folder/checkout"
# The checkout may lie where this user cannot go.
mount --bind "$(dirname "$0")/../.." "$folder/checkout"
for name in passwd group sudoers; do
  cp -p "/etc/$name" "$folder/etc/$name"
done
echo "runner:*:$id:$id:runner:$folder/home:/bin/bash" >> "$folder/etc/passwd"
echo "runner:*:$id:" >> "$folder/etc/group"
echo "runner ALL=(ALL) NOPASSWD: ALL" >> "$folder/etc/sudoers"
for name in passwd group sudoers; do
  mount --bind "$folder/etc/$name" "/etc/$name"
done
for name in ${LAB_TEST_CACHED:-}; do
  mkdir -p "$LAB_TEST_CACHE/$name" "$cache/$name" "$folder/cache/$name/upper" "$folder/cache/$name/work"
  # What the job writes stays here; of what it only gives to another owner no copy is made.
  mount -t overlay overlay "$cache/$name" \
    -o "lowerdir=$LAB_TEST_CACHE/$name,upperdir=$folder/cache/$name/upper,workdir=$folder/cache/$name/work,metacopy=on"
done
chown -R "$id:$id" "$folder/work"
# Once: what a job leaves behind there as root stays root's.
if [ ! -e "$folder/etc/owned" ]; then
  chown "$id:$id" "$folder/home" "$folder/home/.cache" "$cache" "$cache"/* 2>/dev/null || true
  touch "$folder/etc/owned"
fi
export HOME="$folder/home" USER=runner LOGNAME=runner
exec setpriv --reuid "$id" --regid "$id" --clear-groups "$@"

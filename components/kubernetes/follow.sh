#!/bin/sh
# Runs a command each time that Kubernetes has changed mounted files, so that their reader needs no restart.
#
#   follow.sh "FOLDER…" COMMAND…            runs COMMAND
#   follow.sh "FOLDER…" signal NAME PROCESS sends a signal to the container whose main process has this name (a pattern)
#
# The first run comes without a change: one may have come while this script was not there. Needs a shell and `sleep` only.
set -u
folders=$1
shift

# kubelet writes all files of a volume into a new folder and then turns the link ..data to it, in one step.
versions() {
  for folder in $folders; do
    cd -P "$folder/..data" && pwd
  done
}

# The pod's containers share their processes. Main processes have a parent outside the pod: number 0.
signal() {
  for process in /proc/[0-9]*; do
    { read -r name <"$process/comm"; } 2>/dev/null || continue
    # shellcheck disable=SC2254 # a pattern
    case $name in
      $2) ;;
      *) continue ;;
    esac
    parent=
    while read -r key value; do
      [ "$key" = PPid: ] && parent=$value
    done <"$process/status"
    if [ "$parent" = "${FOLLOW_PARENT:-0}" ]; then
      kill -"$1" "${process#/proc/}"
      return
    fi
  done
  # It is about to start, and reads the files then.
  echo "no process is named $2"
}

# A process that has just started would be ended by a signal that it does not handle yet.
sleep "${FOLLOW_FIRST:-15}"
seen=
while :; do
  now=$(versions 2>/dev/null)
  if [ "$now" != "$seen" ]; then
    if "$@"; then
      seen=$now
    else
      echo "failed, to be tried again: $*"
    fi
  fi
  sleep "${FOLLOW_EVERY:-5}"
done

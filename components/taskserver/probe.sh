#!/bin/sh
# Looks at taskd from inside its container without connecting to it: taskd serves one connection at a time and waits
# for its TLS handshake without a limit, so a probe that connects would hold every client up.
#
#   probe.sh ready PORT    the port is being listened on
#   probe.sh alive PORT    and it is not stuck: not both "clients wait in the queue" and "no CPU time used since the
#                          last probe", which is what a silent connection in front of them looks like
set -eu
port=$(printf '%04X' "$2")
# In /proc/net/tcp a listening socket has state 0A, and its receive queue counts connections waiting to be accepted.
queue=
while read -r _ local _ state sizes _; do
  case $local in
    *:"$port") [ "$state" = 0A ] && queue=${sizes#*:} ;;
  esac
done <<LISTENERS
$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
LISTENERS
if [ -z "$queue" ]; then
  echo "nothing listens on port $2"
  exit 1
fi
[ "$1" = alive ] || exit 0

pid=${TASKD_PID:-}
for process in /proc/[0-9]*; do
  [ -n "$pid" ] && break
  read -r name 2>/dev/null <"$process/comm" && [ "$name" = taskd ] && pid=${process#/proc/}
done
# Fields 14 and 15 of stat are CPU time in user and kernel mode; the name in field 2 is taskd, one word.
read -r stat <"/proc/$pid/stat"
# shellcheck disable=SC2086 # splitting is the point
set -- $stat
used=$((${14} + ${15}))
last=${PROBE_STATE:-/tmp/taskd-cpu}
before=$(cat "$last" 2>/dev/null || echo none)
echo "$used" >"$last"
if [ "$queue" != 00000000 ] && [ "$used" = "$before" ]; then
  echo "clients wait behind a connection that says nothing"
  exit 1
fi

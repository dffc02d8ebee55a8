#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# One change of a machine at a time. Where `lab` or `pulumi` is killed, or SSH is cut, the verb goes on here; the next run's verb waits
# for its end instead of working beside it. The kernel frees a lock when the last process that has it ends, however that ends: what a
# killed verb had started, such as a rebuild of the datastore, holds it as long as it runs. Services must not, so systemctl gets none.
#
#   machine.lock     alone: all that changes k3s or the system on this machine. Shared: what asks or changes the cluster through it, and backups
#   node-NAME.lock   what is done about a node through this server: emptied, admitted, taken out
#   volumes.lock     moves of volumes, whose pods have one name for all nodes
#
# Whoever takes several takes them in this order, and the backups' own last.

systemctl() {
  command systemctl "$@" 6>&- 7>&- 8>&- 9>&-
}

# take DESCRIPTOR --exclusive|--shared FILE: says for whom it waits.
take() {
  if ! flock --nonblock "$2" "$1"; then
    holder=$(tail -n 1 "$3")
    say "an earlier run of k3s.sh is still at work on $(hostname): ${holder:-it has not said at what}; waiting for its end"
    until_true "${LOCK_TIMEOUT:-900}" "the earlier run" flock --nonblock "$2" "$1" ||
      fail "an earlier run of k3s.sh (${holder:-it has not said at what}) does not end on $(hostname); see its processes: ps -ef | grep k3s.sh"
  fi
  printf '%s\n' "$verb since $(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$3"
}

# lock_file NAME: whoever can read it could hold it.
lock_file() {
  mkdir -p "$STATE"
  (umask 077 && : >>"$STATE/$1.lock")
  lock=$STATE/$1.lock
}

# lock_machine [--shared]
lock_machine() {
  lock_file machine
  exec 8>>"$lock"
  take 8 "${1:---exclusive}" "$lock"
}

lock_node() {
  lock_machine --shared
  lock_file "node-$NODE"
  exec 7>>"$lock"
  take 7 --exclusive "$lock"
}

lock_volumes() {
  lock_file volumes
  exec 6>>"$lock"
  take 6 --exclusive "$lock"
}

lock_backups() {
  lock_file backup
  exec 9>>"$lock"
  take 9 --exclusive "$lock"
}

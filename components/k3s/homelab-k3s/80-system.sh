#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# The system below k3s: its packages, and a restart of the machine while its node is empty.

packages_installed() {
  dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Status}\n' | sort
}

# logged WHAT COMMAND...: what it prints is kept on the machine, and shown where it fails.
logged() {
  what=$1
  shift
  log=/var/log/homelab-update.log
  say "$what"
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "$what: it failed, see above and $log"
  }
}

apt() {
  # shellcheck disable=SC2086 # words on purpose
  logged "$1" apt-get --quiet --yes -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold $2
}

# What Debian and Ubuntu leave behind when only a restart finishes an update, such as that of a kernel.
restart_needed() {
  [ -e /run/reboot-required ]
}

# update-system: PACKAGES is all, security (what unattended-upgrades takes by its own settings) or none.
update_system() {
  lock_machine
  command -v apt-get >/dev/null 2>&1 || fail "this machine has no apt-get: its system is not Debian or Ubuntu, and has to be updated in its own way"
  before=$(mktemp)
  packages_installed >"$before"
  if [ "$PACKAGES" != none ]; then
    # One that was killed has left packages half-way.
    logged "finishing what an earlier update has left" dpkg --force-confdef --force-confold --configure -a
    # A list that cannot be fetched is no reason to say that nothing was to be updated.
    apt "fetching the package lists" "update -o APT::Update::Error-Mode=any"
  fi
  case "$PACKAGES" in
  all) apt "updating all packages" "upgrade --with-new-pkgs" ;;
  security)
    command -v unattended-upgrade >/dev/null 2>&1 || apt "installing unattended-upgrades" "install unattended-upgrades"
    logged "updating what concerns security" unattended-upgrade --verbose
    ;;
  esac
  changed=$(packages_installed | comm -13 "$before" - | wc -l)
  rm -f "$before"
  needed=false
  if restart_needed; then needed=true; fi
  printf '{"changed":%d,"restart":%s,"kernel":"%s"}\n' "$changed" "$needed" "$(uname -r)"
}

# Neither a backup nor another job that runs to an end is at work on the node.
no_jobs() {
  listed=$(kube get pods --all-namespaces --field-selector "spec.nodeName=$NODE" --output \
    'jsonpath={range .items[?(@.metadata.ownerReferences[0].kind=="Job")]}{.status.phase}{"\n"}{end}') || return 1
  ! echo "$listed" | grep -q Running
}

# empty: the node NODE lets its pods go, for a restart of its machine. Runs on a server, on another one where there is one.
empty() {
  lock_node
  [ -n "$(node_field '{.metadata.name}')" ] || fail "$NODE is not in the cluster"
  if [ "$(node_field '{.metadata.labels.node-role\.kubernetes\.io/etcd}')" = true ]; then
    check_quorum
  fi
  until_true 900 "the jobs on $NODE" no_jobs || fail "a job on $NODE does not end; see: kubectl get pods --all-namespaces --field-selector spec.nodeName=$NODE"
  moved=false
  # With nowhere to go, pods come back by themselves where they were.
  if [ "$(kube get nodes --output name | wc -l)" -gt 1 ]; then
    close_for restart
    moved=true
  fi
  printf '{"moved":%s}\n' "$moved"
}

backup_ended() {
  ! systemctl is-active --quiet homelab-backup.service
}

# Differs after each start of the machine; a machine that shares its kernel has the boot of that one, and its own first process.
start_of_machine() {
  read -r first </proc/1/stat
  # shellcheck disable=SC2086 # split on purpose
  set -- ${first##*) }
  printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "${20}"
}

# restart: of the machine, in a moment, so that whoever asked hears of it. Its last word is `boot` of before.
restart() {
  lock_machine
  until_true 900 "the backup on this machine" backup_ended || fail "a backup on this machine does not end: systemctl status homelab-backup"
  before=$(start_of_machine)
  systemd-run --quiet --on-active=2 --timer-property=AccuracySec=100ms systemctl reboot >&2
  printf '{"boot":"%s"}\n' "$before"
}

# boot: whether this is another start of the machine.
boot() {
  printf '{"boot":"%s"}\n' "$(start_of_machine)"
}

# Ready, by what the node itself has said since NODE was asked for first: its word of before stays until somebody misses it.
heard_from() {
  node_is_ready && [ "$(heartbeat)" != "$heard" ]
}

heartbeat() {
  kube --namespace kube-node-lease get lease "$NODE" --output 'jsonpath={.spec.renewTime}'
}

# readmit-node: the machine is back; the node takes pods again, unless its owner had closed it.
readmit_node() {
  lock_node
  until_true "$READY_TIMEOUT" "the API" kube get --raw /readyz || fail "the API does not answer after ${READY_TIMEOUT} s" k3s
  heard=$(heartbeat || true)
  until_true "$READY_TIMEOUT" "node $NODE to be Ready" heard_from ||
    fail "node $NODE is not Ready ${READY_TIMEOUT} s after its machine's restart" k3s
  readmit
  until_true 90 "the pods of $NODE" settled || say "not all pods of $NODE are ready after 90 s; going on"
  printf '{"node":"%s"}\n' "$NODE"
}

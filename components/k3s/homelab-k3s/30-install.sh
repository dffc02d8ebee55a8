#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# install: bring k3s on this machine to the state asked for; restarts only when something that it reads has changed.

# Upgrades go one minor at a time and never back: neither the datastore nor the kubelets stand more.
check_skew() {
  old=$(installed_version)
  if [ -z "$old" ] || [ "$old" = "$VERSION" ] || [ ! -d "$DATA/agent" ]; then
    return 0
  fi
  old_minor=$(echo "$old" | cut -d. -f2)
  new_minor=$(echo "$VERSION" | cut -d. -f2)
  if [ "$new_minor" -gt "$((old_minor + 1))" ]; then
    fail "k3s $old cannot be upgraded to $VERSION in one step: set homelab:cluster.version to a v1.$((old_minor + 1)) release first"
  fi
  if [ "$new_minor" -lt "$old_minor" ]; then
    fail "k3s $old cannot go back to $VERSION: set homelab:cluster.version to v1.$old_minor or newer, or restore a backup from before the upgrade"
  fi
}

# answers HOST: 0 a k3s server answers there, 1 the machine is up without one, 2 nothing can be known.
answers() {
  # Only what curl says on the way tells a refusal, by a machine that is up, from a machine that is not there.
  reason=$(curl --silent --verbose --insecure --output /dev/null --connect-timeout 5 --max-time 10 "https://$1:6443/ping" 2>&1) && return 0
  case "$reason" in
  *"Connection refused"*) return 1 ;;
  *) return 2 ;;
  esac
}

# A server with embedded etcd starts the cluster or joins it; which of the two is decided here and once. A first server
# that was deployed anew must join what its peers have kept: starting again would make a second cluster.
decide_start() {
  choice="$ETC/config.yaml.d/10-start.yaml"
  if [ "$START" != etcd ]; then
    rm -f "$choice"
    return
  fi
  if [ -d "$DATA/server/db/etcd/member" ] && [ -s "$choice" ]; then
    return
  fi
  unknown=
  for peer in $PEERS; do
    found=0
    answers "$peer" || found=$?
    case $found in
    0)
      say "joining the cluster at $peer"
      printf 'server: https://%s:6443\n' "$peer" | put 0600 "$choice"
      return
      ;;
    2) unknown="$unknown $peer" ;;
    esac
  done
  if [ "$FIRST" != true ]; then
    fail "no server of the cluster answers at $PEERS; bring one of them up first"
  fi
  if [ -n "$unknown" ]; then
    fail "cannot tell whether there is a cluster already: nothing answers at$unknown. Bring these machines up, or take them out of homelab:machines"
  fi
  say "starting a new cluster"
  printf 'cluster-init: true\n' | put 0600 "$choice"
}

# What the running k3s was started with. Written after a start that succeeded, so a killed run restarts once more.
inputs_digest() {
  {
    echo "${verified:-$(sha256_of "$K3S")}"
    # Labels and taints for registration are read once; `admit` keeps them right afterwards.
    find "$ETC" -type f ! -name k3s.yaml ! -name 20-register.yaml -exec sha256sum {} + | sort
    find "$DATA/agent/images" -type f -exec stat -c '%n %s %Y' {} + 2>/dev/null | sort
  } | sha256sum | cut -d' ' -f1
}

restarts() {
  systemctl show "$UNIT" --property NRestarts --value 2>/dev/null || echo 0
}

start() {
  digest=$(inputs_digest)
  if systemctl is-active --quiet "$UNIT" && [ "$(cat "$STATE/applied" 2>/dev/null)" = "$digest" ]; then
    return
  fi
  rm -f "$STATE/applied"
  say "starting $UNIT"
  systemctl daemon-reload
  systemctl reset-failed "$UNIT" 2>/dev/null || true
  systemctl restart --no-block "$UNIT"
  await_start
  printf '%s\n' "$digest" >"$STATE/applied"
}

# The unit restarts for ever by itself; five times in a row means that it will not come.
await_start() {
  limit=$(($(now) + INSTALL_TIMEOUT))
  while :; do
    if systemctl is-active --quiet "$UNIT"; then
      return 0
    fi
    if [ "$(restarts)" -ge 5 ]; then
      fail "$UNIT has ended $(restarts) times since it was started" "$UNIT"
    fi
    if systemctl is-failed --quiet "$UNIT"; then
      fail "$UNIT does not start" "$UNIT"
    fi
    if [ "$(now)" -ge "$limit" ]; then
      fail "$UNIT did not start within ${INSTALL_TIMEOUT} s (homelab:cluster.timeouts.install)" "$UNIT"
    fi
    sleep 1
  done
}

own_kubeconfig() {
  if [ "$ROLE" = server ]; then
    echo "$KUBECONFIG"
  else
    echo "$DATA/agent/kubelet.kubeconfig"
  fi
}

node_ready() {
  answer=$("$K3S" kubectl --kubeconfig "$(own_kubeconfig)" get node "$NODE" --request-timeout 10s \
    --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}') || return 1
  [ "$answer" = "True $VERSION" ]
}

# An agent's unit counts as active the moment it is started, so its failures show here.
ready_or_hopeless() {
  node_ready || [ "$(restarts)" -ge 5 ]
}

await_node() {
  until_true "$READY_TIMEOUT" "node $NODE to be Ready" ready_or_hopeless ||
    fail "node $NODE is not Ready after ${READY_TIMEOUT} s (homelab:cluster.timeouts.ready)" "$UNIT"
  node_ready || fail "$UNIT has ended $(restarts) times since it was started" "$UNIT"
}

# certificates: raised by the settings to have all leaf certificates made anew. Counted from 1, which asks for nothing.
rotate_certificates() {
  done_file="$STATE/certificates"
  if [ "$CERTIFICATES" != "$(cat "$done_file" 2>/dev/null || echo 1)" ]; then
    if [ -d "$DATA/agent" ]; then
      say "making new certificates"
      systemctl stop "$UNIT"
      "$K3S" certificate rotate >&2 || fail "k3s could not make new certificates" "$UNIT"
      rm -f "$STATE/applied"
    fi
    printf '%s\n' "$CERTIFICATES" >"$done_file"
  fi
}

# What kubelet insists on, where the kernel has it otherwise: a machine that shares its kernel may not write what is right already.
load_kernel_settings() {
  wanted=/etc/sysctl.d/90-homelab-kubelet.conf
  [ -e "$wanted" ] || return 0
  while IFS='=' read -r key value; do
    case "$key" in
    '' | '#'*) continue ;;
    esac
    if [ "$(sysctl -n "$key" 2>/dev/null)" != "$value" ]; then
      sysctl -q -w "$key=$value" >&2 || fail "the kernel setting $key cannot be set to $value, which homelab:cluster.hardening needs"
    fi
  done <"$wanted"
}

# The timers of backups and updates, when the settings have them.
enable_units() {
  load_kernel_settings
  for timer in homelab-backup homelab-updates; do
    case "$CHANGED" in
    *$timer*) systemctl daemon-reload ;;
    *) continue ;;
    esac
    if [ -e "/etc/systemd/system/$timer.timer" ]; then
      systemctl enable --now "$timer.timer" >&2
    else
      systemctl disable --now "$timer.timer" >&2 2>/dev/null || true
    fi
  done
}

# One role at a time: an agent that became a server would keep the node's ports and its kubelet.
leave_other_role() {
  other=k3s
  [ "$ROLE" = agent ] || other=k3s-agent
  if [ -e "/etc/systemd/system/$other.service" ]; then
    say "stopping $other: $NODE is in the role $ROLE now"
    systemctl disable --now "$other" >&2
    rm -f "/etc/systemd/system/$other.service"
  fi
}

upgrading() {
  old=$(installed_version)
  [ -n "$old" ] && [ "$old" != "$VERSION" ]
}

know_machine() {
  ARCH=$(architecture)
  case "$ARCH" in
  amd64) PIN=$PIN_AMD64 ;;
  *) PIN=$PIN_ARM64 ;;
  esac
  UNIT=k3s
  [ "$ROLE" = server ] || UNIT=k3s-agent
  command -v curl >/dev/null 2>&1 || fail "curl is missing on this machine; the deployed image should have it"
  mkdir -p "$STATE"
}

# stage: VERSION's executable is on the machine before anything of an upgrade begins; k3s runs on as it is.
stage() {
  lock_machine
  know_machine
  check_skew
  fetch_binary
  printf '{"version":"%s"}\n' "$VERSION"
}

# revert: back to VERSION, an older one, with k3s stopped. The datastore of its time is put back next (operations/revert.ts),
# which starts k3s again.
revert() {
  lock_machine
  know_machine
  fetch_binary
  systemctl stop "$UNIT"
  install_binary
  install_images
  install_units
  rm -f "$STATE/applied"
  printf '{"version":"%s"}\n' "$(installed_version)"
}

install() {
  # Before it waits: what has been read stays, whatever becomes of the other end of SSH.
  receive_files
  lock_machine
  know_machine
  check_skew
  if [ "$ROLE" = server ] && upgrading && [ -s "$KUBECONFIG" ]; then
    # Before its pods have to go: what cannot be had must not cost them their place.
    fetch_binary
    empty_node
  fi
  read_files <<FILES
$files
FILES
  enable_units
  install_binary
  install_images
  install_units
  if [ "$ROLE" = server ]; then
    decide_start
  fi
  rotate_certificates
  leave_other_role
  start
  await_node
  rotate_authorities
  printf '{"node":"%s","version":"%s"}\n' "$NODE" "$(installed_version)"
}

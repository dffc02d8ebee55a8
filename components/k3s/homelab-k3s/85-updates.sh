#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# Updates and restarts in a window, without anybody at a keyboard. A timer on each machine runs `keep-up` every five minutes. A machine asks for
# its restart by an annotation on its own node; whichever server sees that first empties the node and grants it. One at a time: who has the
# ConfigMap `homelab-restart` goes. A machine that does not come back keeps it, so that no other one follows.

UPDATES=/etc/homelab/updates.conf
MARK=$OURS/restart

# in_window HHMM WEEKDAY (1 is Monday): between FROM and TO on one of DAYS, the day being that on which the window opens.
in_window() {
  day=$2
  if [ "$FROM" -lt "$TO" ]; then
    [ "$1" -ge "$FROM" ] && [ "$1" -lt "$TO" ] || return 1
  elif [ "$1" -lt "$TO" ]; then
    day=$(((day + 5) % 7 + 1))
  elif [ "$1" -lt "$FROM" ]; then
    return 1
  fi
  case " $DAYS " in
  *" $day "*) ;;
  *) return 1 ;;
  esac
}

# The node's own word on itself.
own_mark() {
  node_field '{.metadata.annotations.homelab\.internal/restart}'
}

mark() {
  kube annotate node "$NODE" --overwrite "$1" >&2
}

# What this machine's node asks for and is granted.
take_turn() {
  mark=$(own_mark) || return 0
  if [ "$mark" = granted ] && [ -e "$STATE/restarted-from" ] && [ "$(cat "$STATE/restarted-from")" != "$(start_of_machine)" ]; then
    say "$NODE is restarted"
    rm -f "$STATE/restarted-from"
    mark "$MARK-"
    mark=
  fi
  # A restart that was granted is taken after the window, too: the node is empty.
  if [ "$mark" = granted ] && backup_ended; then
    start_of_machine >"$STATE/restarted-from"
    say "restarting $NODE"
    systemctl --no-block reboot
    exit 0
  fi
}

ask_for_turn() {
  case "$mark" in
  '') if restart_needed; then mark "$MARK=wanted"; fi ;;
  wanted) restart_needed || mark "$MARK-" ;;
  esac
}

critical_alerts() {
  pod=$(kube get pods --all-namespaces --selector app.kubernetes.io/name=prometheus --output 'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}' | head -n 1) || return 1
  [ -n "$pod" ] || return 0
  kube --namespace "${pod% *}" exec "${pod#* }" --container prometheus -- promtool query instant http://localhost:9090 'ALERTS{alertstate="firing",severity="critical"}'
}

# Why no machine may go now; nothing where all is well.
in_the_way() {
  kube get nodes --output 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    awk '$2 != "True" { print "node " $1 " is not Ready" }'
  kube get nodes --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.homelab\.internal/cordoned}{"\n"}{end}' |
    awk '$2 != "" { print "node " $1 " is empty for " $2 }'
  kube get pods --all-namespaces --output \
    'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\t"}{.status.phase}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    awk -F '\t' 'NF && $2 != "Succeeded" && $2 != "Failed" && $3 != "True" { print "pod " $1 " is not ready" }'
  alerts=$(critical_alerts) || echo "Prometheus cannot be asked for alerts"
  [ -z "$alerts" ] || echo "a critical alert is firing: $alerts"
}

holder() {
  kube --namespace kube-system get configmap homelab-restart --ignore-not-found --output 'jsonpath={.data.node}'
}

let_go() {
  kube --namespace kube-system delete configmap homelab-restart >&2
}

# On a server: who is back takes pods again. Fails while somebody's turn lasts.
end_turn() {
  NODE=$(holder) || return 1
  [ -n "$NODE" ] || return 0
  if [ -n "$(own_mark)" ] || ! node_is_ready; then
    return 1
  fi
  readmit_node >&2
  let_go
}

# On a server: the next one goes when all is well.
give_turn() {
  NODE=$(kube get nodes --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.homelab\.internal/restart}{"\n"}{end}' | awk '$2 == "wanted" { print $1; exit }')
  [ -n "$NODE" ] || return 0
  wrong=$(in_the_way)
  if [ -n "$wrong" ]; then
    say "$NODE waits for its restart: $(echo "$wrong" | head -n 3 | tr '\n' ';')"
    return 0
  fi
  kube --namespace kube-system create configmap homelab-restart --from-literal "node=$NODE" >&2 || return 0
  # Its own shell: one that cannot be emptied ends that, and may be tried in five minutes again.
  if (empty) >&2; then
    mark "$MARK=granted"
  else
    let_go
  fi
}

# keep-up: the timer's.
keep_up() {
  # shellcheck disable=SC1090 # written by the program
  . "$UPDATES"
  lock_file machine
  exec 8>>"$lock"
  flock --nonblock --shared 8 || {
    say "another change of this machine is at work; trying again in five minutes"
    return 0
  }
  NODE=$(sed -n "s/^node-name: *//p" "$ETC/config.yaml" | tr -d "'\"")
  server=yes
  [ -s "$KUBECONFIG" ] || {
    server=no
    KUBECONFIG=$DATA/agent/kubelet.kubeconfig
  }
  SELF=$NODE
  take_turn
  free=no
  if [ "$server" = yes ] && end_turn; then
    free=yes
  fi
  NODE=$SELF
  in_window "$(date +%H%M)" "$(date +%u)" || return 0
  if [ "$PACKAGES" != none ] && [ "$(cat "$STATE/updated" 2>/dev/null)" != "$(date +%F)" ]; then
    update_system
    # It was alone with the machine; what follows is not.
    exec 8>&-
    date +%F >"$STATE/updated"
  fi
  [ "$RESTART" = window ] || return 0
  ask_for_turn
  if [ "$free" = yes ]; then
    give_turn
    NODE=$SELF
    # It may be its own.
    take_turn
  fi
}

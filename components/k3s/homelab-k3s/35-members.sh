#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# A node's life in the cluster: emptied before an upgrade, let in again, taken out. These run on a server and are about
# the node NODE, which for a server is itself.

OURS=homelab.internal

kube() {
  "$K3S" kubectl --request-timeout 15s "$@"
}

# node_field JSONPATH: of the node NODE; empty when there is none. Fails only when the API does.
node_field() {
  kube get node "$NODE" --ignore-not-found --output "jsonpath=$1"
}

node_is_ready() {
  [ "$(node_field '{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# One server down is one too many while another is upgraded: of three, two must stay.
check_quorum() {
  others=$(kube get nodes --selector node-role.kubernetes.io/etcd=true \
    --output 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
  down=$(echo "$others" | awk -v self="$NODE" 'NF && $1 != self && $2 != "True" { print $1 }')
  if [ -n "$down" ]; then
    fail "not taking $NODE down: $(echo "$down" | tr '\n' ' ')is not Ready, and etcd would lose its quorum"
  fi
}

# prepare: on a server, about another node.
prepare() {
  lock_node
  empty_node
}

# empty_node: when it is about to be upgraded, so that its pods move instead of dying with it.
empty_node() {
  running=$(node_field '{.status.nodeInfo.kubeletVersion}') || fail "the API does not answer, so $NODE cannot be emptied" k3s
  if [ -z "$running" ] || [ "$running" = "$VERSION" ] || ! node_is_ready; then
    return 0
  fi
  if [ "$(node_field '{.metadata.labels.node-role\.kubernetes\.io/etcd}')" = true ]; then
    check_quorum
  fi
  # With nowhere to go, pods are better off where they are: the restart leaves containers running.
  if [ "$(kube get nodes --output name | wc -l)" -le 1 ]; then
    return 0
  fi
  say "emptying $NODE, which runs $running, for $VERSION"
  close_for upgrade " (homelab:cluster.timeouts.drain)"
}

# close_for REASON [SETTING]: the node NODE lets its pods go, and takes none until `readmit`. SETTING names the time limit's, where it is one.
close_for() {
  if [ "$(node_field '{.spec.unschedulable}')" != true ]; then
    kube annotate node "$NODE" --overwrite "$OURS/cordoned=$1" >&2
  fi
  drain || {
    readmit
    fail "$NODE could not be emptied within ${DRAIN_TIMEOUT} s${2:-}: a disruption budget holds a pod, see above; the node is back in service"
  }
}

drain() {
  "$K3S" kubectl drain "$NODE" --ignore-daemonsets --delete-emptydir-data --force --timeout "${DRAIN_TIMEOUT}s" >&2
}

# Uncordon only what was cordoned here: what its owner cordoned stays so.
readmit() {
  if [ -n "$(node_field '{.metadata.annotations.homelab\.internal/cordoned}')" ]; then
    kube uncordon "$NODE" >&2
    kube annotate node "$NODE" "$OURS/cordoned-" >&2
  fi
}

up_to_date() {
  node_is_ready && [ "$(node_field '{.status.nodeInfo.kubeletVersion}')" = "$VERSION" ]
}

# All pods of the node, and those that wait for one, are ready.
settled() {
  listed=$(kube get pods --all-namespaces --output \
    'jsonpath={range .items[*]}{.spec.nodeName}{"\t"}{.status.phase}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  echo "$listed" | awk -F '\t' -v node="$NODE" \
    '($1 == node || $1 == "") && $2 != "" && $2 != "Succeeded" && $2 != "Failed" && $3 != "True" { waiting = 1 } END { exit waiting }'
}

# Settings own the labels and taints that they name, now or at the last run; all others are left alone.
apply_marks() {
  wanted=$1
  kind=$2
  before=$(node_field "{.metadata.annotations.homelab\\.internal/$kind}")
  for mark in $before; do
    key=${mark%%[=:]*}
    case " $wanted " in
    *" $mark "*) ;;
    *)
      # A taint is taken off by key and effect, a label by key.
      if [ "$kind" = taints ]; then key="$key:${mark##*:}"; fi
      kube "${kind%s}" node "$NODE" "$key-" >&2 || true
      ;;
    esac
  done
  for mark in $wanted; do
    kube "${kind%s}" node "$NODE" "$mark" --overwrite >&2
  done
  if [ "$before" != "$wanted" ]; then
    kube annotate node "$NODE" --overwrite "$OURS/$kind=$wanted" >&2
  fi
}

# admit: the node is there, in the right version, with its labels and taints, and takes pods again.
admit() {
  lock_node
  until_true "$READY_TIMEOUT" "node $NODE to be Ready with $VERSION" up_to_date ||
    fail "node $NODE is not Ready with $VERSION after ${READY_TIMEOUT} s (homelab:cluster.timeouts.ready)" k3s
  apply_marks "$LABELS" labels
  apply_marks "$TAINTS" taints
  if [ -n "$(node_field '{.metadata.annotations.homelab\.internal/cordoned}')" ]; then
    readmit
    # Those whose volume lies here have waited for it. The next node is emptied when they serve again.
    until_true 90 "the pods of $NODE" settled || say "not all pods of $NODE are ready after 90 s; going on"
  fi
  printf '{"node":"%s","version":"%s"}\n' "$NODE" "$VERSION"
}

# Volumes whose files lie on the node and go with its disk, as `claim-namespace/claim (volume)`.
volumes_on() {
  listed=$(kube get persistentvolumes --output 'jsonpath={range .items[*]}{.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[*]}{"\t"}{.spec.claimRef.namespace}{"/"}{.spec.claimRef.name}{" ("}{.metadata.name}{")\n"}{end}') || return 1
  echo "$listed" | awk -F '\t' -v node="$1" 'NF && node == "" { print $2; next } { count = split($1, nodes, " "); for (i = 1; i <= count; i++) if (nodes[i] == node) { print $2; break } }'
}

# remove: local volumes and pods moved where they can be, then the node and all that would keep its name from being used again. k3s' own
# controllers take a deleted server out of etcd.
remove() {
  lock_node
  if [ -z "$(node_field '{.metadata.name}')" ]; then
    say "$NODE is not in the cluster"
  else
    if [ "$LOSE_VOLUMES" != true ] && node_is_ready; then
      move_volumes || say "not all volumes of $NODE could be moved to another node, see above"
    fi
    volumes=$(volumes_on "$NODE") || fail "the API does not answer, so $NODE cannot be taken out of the cluster" k3s
    if [ -n "$volumes" ] && [ "$LOSE_VOLUMES" != true ]; then
      say "$volumes"
      fail "the volumes above lie on $NODE and would be lost with it. Make room for them on another node, or move or delete their claims; or name $NODE under homelab:cluster.loseVolumesOf, bring the stack up, and take it out of homelab:machines then"
    fi
    if node_is_ready; then
      if [ "$(node_field '{.metadata.labels.node-role\.kubernetes\.io/etcd}')" = true ]; then
        check_quorum
      fi
      drain || say "some pods of $NODE could not be moved within ${DRAIN_TIMEOUT} s; going on, as the node is leaving"
    fi
    kube delete node "$NODE" --wait=false >&2
  fi
  kube --namespace kube-system delete secret "$NODE.node-password.k3s" --ignore-not-found >&2
}

# reset: k3s and all it has taken off this machine, volumes included, which is why they must be none or given up.
reset() {
  lock_machine
  if [ "$LOSE_VOLUMES" != true ]; then
    if [ "$ROLE" = server ]; then
      volumes=$(volumes_on "") || fail "the API does not answer, so it cannot be known what would be lost; say lose-volumes=true to go on" k3s
    else
      volumes=$(find "$DATA/storage" -mindepth 1 -maxdepth 1 -type d 2>/dev/null || true)
    fi
    if [ -n "$volumes" ]; then
      say "$volumes"
      fail "the volumes above would be lost; back up what they hold and delete their claims, or say lose-volumes=true"
    fi
  fi
  for script in /usr/local/bin/k3s-uninstall.sh /usr/local/bin/k3s-agent-uninstall.sh; do
    if [ -x "$script" ]; then
      "$script" >&2
    fi
  done
  systemctl disable --now homelab-backup.timer homelab-updates.timer >&2 2>/dev/null || true
  rm -rf "$ETC" /etc/rancher/node /etc/homelab "$STATE/applied" "$STATE/binary" "$STATE/units" "$STATE/certificates" /etc/systemd/system/homelab-backup.* /etc/systemd/system/homelab-updates.*
  printf '{"reset":true}\n'
}

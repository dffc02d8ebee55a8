#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# A cluster out of a backup. The order over all machines is the program's (operations/restore.ts): the other servers
# `detach`, one server does `restore`, then the others and the agents `rejoin`.

# What k3s makes from the datastore at its start; what is there belongs to the cluster that was.
forget_identity() {
  rm -rf "$DATA/server/tls" "$DATA/server/cred" "$DATA/server/token" "$DATA/server/agent-token" "$DATA/server/node-token"
  find "$DATA/agent" -maxdepth 1 -type f \( -name '*.crt' -o -name '*.key' -o -name '*.kubeconfig' \) -delete 2>/dev/null || true
  rm -rf "$DATA/agent/etc"
}

# The datastore that was is moved once, and gets its last name when the restore has ended: one that is killed and run again
# must not take its own unfinished work for it.
ASIDE=$DATA/server/db.unfinished-restore

set_datastore_aside() {
  if [ ! -d "$DATA/server/db" ]; then
    return
  fi
  if [ -d "$ASIDE" ]; then
    rm -rf "$DATA/server/db.half-restored"
    mv "$DATA/server/db" "$DATA/server/db.half-restored"
  else
    mv "$DATA/server/db" "$ASIDE"
  fi
}

# generation N: what was before the last restore, before the one before it, and so on.
generation() {
  case "$1" in
  1) echo "$DATA/server/db.before-restore" ;;
  2) echo "$DATA/server/db.before-that" ;;
  *) echo "$DATA/server/db.before-that.$1" ;;
  esac
}

# A restore of several machines that is killed when this one has ended here is run again, and sets its own data aside: each time
# once more. So the owner's goes after eight of them only.
keep_generations() {
  count=1
  while [ "$count" -lt 8 ] && [ -d "$(generation "$count")" ]; do
    count=$((count + 1))
  done
  rm -rf "$(generation "$count")"
  while [ "$count" -gt 1 ]; do
    mv "$(generation "$((count - 1))")" "$(generation "$count")"
    count=$((count - 1))
  done
}

restore_ended() {
  if [ -d "$ASIDE" ]; then
    keep_generations
    mv "$ASIDE" "$(generation 1)"
  fi
  rm -rf "$DATA/server/db.half-restored"
  rm -f "$STATE/restore-token"
}

# Where the last restore was killed after its end, or an `up` has gone on from there, what is here now is in use: it is not that
# restore's unfinished work.
begin_restore() {
  [ ! -s "$STATE/applied" ] || restore_ended
  rm -f "$STATE/applied"
}

# Nodes that are none of NODES, the machines that there are now: nobody would ever bring these back.
forget_strangers() {
  [ -n "$NODES" ] || return 0
  for known in $("$K3S" kubectl get nodes --output 'jsonpath={.items[*].metadata.name}'); do
    case " $NODES " in
    *" $known "*) ;;
    *) "$K3S" kubectl delete node "$known" --wait=false >&2 ;;
    esac
  done
}

# The machines' node passwords are this stack's, not those of the backup's time.
forget_passwords() {
  known=$("$K3S" kubectl --request-timeout 5s --namespace kube-system get secrets --output name) || return 1
  for secret in $(echo "$known" | sed -n '/\.node-password\.k3s$/p'); do
    "$K3S" kubectl --request-timeout 5s --namespace kube-system delete "$secret" || return 1
  done
}

# unpack_backup: the archive on stdin, to $stage. Nothing else is touched, and nothing of it stays when this process ends.
unpack_backup() {
  [ -s "$ETC/token" ] || fail "k3s was never installed here: bring the lab up first, then restore into it"
  stage="$STATE/restore"
  umask 077
  rm -rf "$stage"
  mkdir -p "$stage"
  trap 'rm -rf "$stage"' EXIT
  trap 'exit 143' HUP INT TERM
  tar -C "$stage" -xzf - || fail "this is not a backup: the archive cannot be read, or there is no room for it in $STATE"
  umask 022
  if [ ! -s "$stage/token" ] || [ ! -s "$stage/backup.json" ]; then
    fail "this is not a backup of a cluster: it lacks the server token"
  fi
  if [ ! -s "$stage/snapshot.db" ] && [ ! -s "$stage/state.db" ] && [ ! -s "$stage/db.tar" ]; then
    fail "the backup holds no datastore"
  fi
  damaged="the backup's datastore is damaged; nothing was changed"
  [ ! -s "$stage/snapshot.db" ] || whole_snapshot "$stage/snapshot.db" || fail "$damaged"
  [ ! -s "$stage/state.db" ] || whole_database "$stage/state.db" || fail "$damaged"
  [ ! -s "$stage/db.tar" ] || tar -tf "$stage/db.tar" >/dev/null || fail "$damaged"
}

# check-restore: whether `restore` would take the archive on stdin.
check_restore() {
  lock_machine
  unpack_backup
  printf '{"whole":true}\n'
}

# restore: the archive comes on stdin.
restore() {
  UNIT=k3s ROLE=server
  lock_machine
  unpack_backup
  begin_restore
  # A restore that was killed has left the backup's token in place of this stack's.
  [ -s "$STATE/restore-token" ] || put 0600 "$STATE/restore-token" <"$ETC/token"
  new=$(cat "$STATE/restore-token")
  old=$(cat "$stage/token")
  say "stopping k3s"
  systemctl stop k3s
  set_datastore_aside
  forget_identity
  put 0600 "$ETC/token" <"$stage/token"
  if [ -s "$stage/snapshot.db" ]; then
    printf 'cluster-init: true\n' | put 0600 "$ETC/config.yaml.d/10-start.yaml"
    say "rebuilding the datastore from the snapshot"
    "$K3S" server --cluster-reset "--cluster-reset-restore-path=$stage/snapshot.db" >"$STATE/restore.log" 2>&1 || {
      tail -n 20 "$STATE/restore.log" | redact >&2
      fail "k3s could not restore the snapshot"
    }
    rm -f "$DATA/server/db/reset-flag"
  elif [ -s "$stage/state.db" ]; then
    rm -f "$ETC/config.yaml.d/10-start.yaml"
    mkdir -p "$DATA/server/db"
    # A rename, where both are on one disk: it may be full.
    mv "$stage/state.db" "$DATA/server/db/state.db"
  else
    mkdir -p "$DATA/server"
    tar -C "$DATA/server" -xf "$stage/db.tar"
  fi
  say "starting k3s with the restored datastore"
  systemctl start --no-block k3s
  # Until they are gone k3s refuses its own node and ends, so this cannot wait for the unit; the API answers before that.
  until_true "$READY_TIMEOUT" "the API" forget_passwords || fail "the API does not answer after the restore" k3s
  systemctl reset-failed k3s 2>/dev/null || true
  await_start
  until_true "$READY_TIMEOUT" "the API" api_answers || fail "the API does not answer after the restore" k3s
  forget_strangers
  if [ "$old" != "$new" ]; then
    rotate_token "$old" "$new"
    printf '%s\n' "$new" | put 0600 "$ETC/token"
    systemctl restart --no-block k3s
    await_start
    until_true "$READY_TIMEOUT" "the API" api_answers || fail "the API does not answer after the change of the token" k3s
  fi
  inputs_digest >"$STATE/applied"
  restore_ended
  cat "$stage/backup.json"
}

api_answers() {
  "$K3S" kubectl --request-timeout 5s get --raw /readyz
}

# detach: another server, before the restore; its datastore belongs to the cluster that was.
detach() {
  lock_machine
  begin_restore
  systemctl stop k3s
  set_datastore_aside
  forget_identity
  rm -f "$ETC/config.yaml.d/10-start.yaml"
  printf '{"detached":true}\n'
}

# rejoin: another server or an agent, after it. PEERS is where the restored cluster is.
rejoin() {
  lock_machine
  UNIT=k3s
  VERSION=$(installed_version)
  if [ "$ROLE" = agent ]; then
    UNIT=k3s-agent
    systemctl stop "$UNIT"
    find "$DATA/agent" -maxdepth 1 -type f \( -name '*.crt' -o -name '*.key' -o -name '*.kubeconfig' \) -delete
    rm -rf "$DATA/agent/etc"
  else
    FIRST=false
    decide_start
  fi
  start
  until_true "$READY_TIMEOUT" "node $NODE to be Ready" ready_or_hopeless || true
  node_ready || fail "node $NODE did not come back" "$UNIT"
  restore_ended
  printf '{"node":"%s"}\n' "$NODE"
}

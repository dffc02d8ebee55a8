#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# Verbs that ask the cluster; they run on a server.

nodes_ready() {
  for node in $NODES; do
    [ "$("$K3S" kubectl get node "$node" --request-timeout 10s \
      --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ] || return 1
  done
}

deployment_available() {
  "$K3S" kubectl --namespace kube-system rollout status deployment "$1" --timeout 5s
}

endpoint_answers() {
  curl --silent --fail --max-time 5 --cacert "$DATA/server/tls/server-ca.crt" \
    --cert "$DATA/server/tls/client-admin.crt" --key "$DATA/server/tls/client-admin.key" "$ENDPOINT/readyz"
}

# ready: all nodes Ready, core pods running, the API answering where clients will look for it.
ready() {
  until_true "$READY_TIMEOUT" "the nodes $NODES" nodes_ready || {
    "$K3S" kubectl get nodes --output wide >&2 || true
    fail "not all nodes are Ready after ${READY_TIMEOUT} s (homelab:cluster.timeouts.ready)" k3s
  }
  for deployment in $DEPLOYMENTS; do
    until_true "$READY_TIMEOUT" "$deployment in kube-system" deployment_available "$deployment" || {
      "$K3S" kubectl --namespace kube-system get pods --output wide >&2 || true
      "$K3S" kubectl --namespace kube-system get events --field-selector type=Warning 2>/dev/null | tail -n 15 >&2 || true
      fail "$deployment in kube-system does not run after ${READY_TIMEOUT} s" k3s
    }
  done
  until_true "$READY_TIMEOUT" "the API at $ENDPOINT" endpoint_answers ||
    fail "the API does not answer at $ENDPOINT" k3s
  choose_storage_class
  printf '{"ready":true}\n'
}

# Which class claims get that name none. k3s writes its own as the default again with each version.
choose_storage_class() {
  [ -n "$STORAGE_CLASS" ] || return 0
  for class in local-path local-path-retain; do
    default=false
    [ "$class" != "$STORAGE_CLASS" ] || default=true
    if "$K3S" kubectl get storageclass "$class" >/dev/null 2>&1; then
      "$K3S" kubectl annotate storageclass "$class" --overwrite "storageclass.kubernetes.io/is-default-class=$default" >&2
    fi
  done
}

# kubeconfig: as k3s wrote it; the program puts the right address and names in.
kubeconfig() {
  until_true 60 "$KUBECONFIG" test -s "$KUBECONFIG" || fail "this server has no $KUBECONFIG" k3s
  cat "$KUBECONFIG"
}

#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# Verbs that ask the cluster; they run on a server.

nodes_ready() {
  for node in $NODES; do
    [ "$("$K3S" kubectl get node "$node" --request-timeout 10s \
      --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ] || return 1
  done
}

rolled_out() {
  "$K3S" kubectl --namespace kube-system rollout status deployment "$1" --timeout 5s
}

# component_packaged NAME: k3s lays the manifests of what it packages into this folder before it starts.
component_packaged() {
  [ -e "$DATA/server/manifests/$1.yaml" ] || [ -d "$DATA/server/manifests/$1" ]
}

# component_runs NAME: by k3s' names of packaged components.
component_runs() {
  case "$1" in
  local-storage)
    # Claims are served once the class is there; who serves it need not be a deployment.
    "$K3S" kubectl get storageclass local-path || return 1
    if "$K3S" kubectl --namespace kube-system get deployment local-path-provisioner; then
      rolled_out local-path-provisioner
    fi
    ;;
  *) rolled_out "$1" ;;
  esac
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
  for component in $COMPONENTS; do
    component_packaged "$component" || fail "this k3s ($("$K3S" --version | head -n 1)) has no $component: add it to homelab:cluster.disable"
    until_true "$READY_TIMEOUT" "$component" component_runs "$component" || {
      "$K3S" kubectl --namespace kube-system get pods --output wide >&2 || true
      "$K3S" kubectl --namespace kube-system get events --field-selector type=Warning 2>/dev/null | tail -n 15 >&2 || true
      fail "$component does not run after ${READY_TIMEOUT} s" k3s
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

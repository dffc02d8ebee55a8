#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# k3s.sh VERB NAME=VALUE...: the values become variables of the verb.

usage() {
  say "usage: k3s.sh install|stage|revert|prepare|admit|remove|ready|kubeconfig|backup|verify-backup|list-backups|fetch-backup|check-restore|restore|detach|rejoin|reset|update-system|empty|restart|boot|readmit-node|keep-up NAME=VALUE..."
  exit 64
}

assign() {
  for pair in "$@"; do
    value=${pair#*=}
    case "${pair%%=*}" in
    role) ROLE=$value ;;
    config) CONFIG=$value ;;
    node) NODE=$value ;;
    version) VERSION=$value ;;
    source) SOURCE=$value ;;
    script) SCRIPT=$value ;;
    releases) RELEASES=$value ;;
    mirror) MIRROR=$value ;;
    archives) ARCHIVES=$value ;;
    pin-amd64) PIN_AMD64=$value ;;
    pin-arm64) PIN_ARM64=$value ;;
    pin-script) PIN_SCRIPT=$value ;;
    install-timeout) INSTALL_TIMEOUT=$value ;;
    ready-timeout) READY_TIMEOUT=$value ;;
    drain-timeout) DRAIN_TIMEOUT=$value ;;
    start) START=$value ;;
    first) FIRST=$value ;;
    peers) PEERS=$value ;;
    labels) LABELS=$value ;;
    taints) TAINTS=$value ;;
    certificates) CERTIFICATES=$value ;;
    authorities) AUTHORITIES=$value ;;
    lead) LEAD=$value ;;
    storage-class) STORAGE_CLASS=$value ;;
    lose-volumes) LOSE_VOLUMES=$value ;;
    name) NAME=$value ;;
    packages) PACKAGES=$value ;;
    nodes) NODES=$value ;;
    components) COMPONENTS=$value ;;
    endpoint) ENDPOINT=$value ;;
    *)
      say "error: unknown parameter ${pair%%=*}"
      usage
      ;;
    esac
  done
}

[ "$#" -ge 1 ] || usage
verb=$1
shift
ARCHIVES='' PIN_AMD64='' PIN_ARM64='' PIN_SCRIPT='' MIRROR='' NODES='' COMPONENTS='' ENDPOINT='' START='' FIRST='' PEERS='' LABELS='' TAINTS='' NAME='' CONFIG='' PACKAGES=none CERTIFICATES=1 AUTHORITIES='' LEAD='' STORAGE_CLASS='' LOSE_VOLUMES='' ROLE=''
INSTALL_TIMEOUT=900 READY_TIMEOUT=600 DRAIN_TIMEOUT=300
assign "$@"
case "$verb" in
install | stage | revert | prepare | admit | remove | ready | kubeconfig | backup | restore | detach | rejoin | reset | empty | restart | boot) "$verb" ;;
fetch-backup) fetch_backup ;;
check-restore) check_restore ;;
list-backups) list_backups ;;
verify-backup) verify_backup ;;
update-system) update_system ;;
readmit-node) readmit_node ;;
keep-up) keep_up ;;
*) usage ;;
esac

#!/bin/sh
# Stand-in for k3s's install script: the same environment variables, files and units, for the k3s stand-in.
#
#   INSTALL_K3S_VERSION, INSTALL_K3S_EXEC, INSTALL_K3S_NAME, INSTALL_K3S_TYPE, INSTALL_K3S_BIN_DIR, INSTALL_K3S_BIN_DIR_READ_ONLY,
#   INSTALL_K3S_SYSTEMD_DIR, INSTALL_K3S_SKIP_DOWNLOAD, INSTALL_K3S_SKIP_ENABLE, INSTALL_K3S_SKIP_START, INSTALL_K3S_FORCE_RESTART,
#   INSTALL_K3S_SYMLINK (true, force or skip), K3S_* (kept in the service's environment file, mode 0600)
#   INSTALL_K3S_MIRROR_URL: folder with one folder a version, where the real script has its releases
#   INSTALL_K3S_SELINUX_WARN, INSTALL_K3S_SKIP_SELINUX_RPM: accepted, nothing to do
set -eu

info() { echo "[INFO]  $*"; }
fatal() {
  echo "[ERROR] $*" >&2
  exit 1
}

# Quotes an argument for a shell.
quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

settings() {
  case "${INSTALL_K3S_CHANNEL:-}${INSTALL_K3S_CHANNEL_URL:-}" in
    '') ;;
    *) fatal "INSTALL_K3S_CHANNEL needs k3s's channel server; the stand-in has none: set INSTALL_K3S_VERSION" ;;
  esac
  # shellcheck disable=SC2086 # INSTALL_K3S_EXEC is a command line
  set -- ${INSTALL_K3S_EXEC:-} "$@"
  case "${1:-}" in
    -* | '')
      if [ -n "${K3S_URL:-}" ]; then command=agent; else command=server; fi
      ;;
    *)
      command=$1
      shift
      ;;
  esac
  arguments=
  for argument in "$@"; do
    arguments="$arguments $(quote "$argument")"
  done
  case "$command" in
    server | agent) ;;
    *) fatal "INSTALL_K3S_EXEC starts with '$command'; it must be server, agent or a setting" ;;
  esac
  if [ "$command" = agent ] && [ -n "${K3S_URL:-}" ]; then
    case "$K3S_URL" in
      https://*) ;;
      *) fatal "Only https:// URLs are supported for K3S_URL (have $K3S_URL)" ;;
    esac
    if [ -z "${K3S_TOKEN:-}${K3S_TOKEN_FILE:-}" ] && [ ! -s /etc/rancher/k3s/config.yaml ]; then
      fatal "K3S_TOKEN or K3S_TOKEN_FILE is needed with K3S_URL"
    fi
  fi
  name=k3s
  if [ -n "${INSTALL_K3S_NAME:-}" ]; then
    name=k3s-$INSTALL_K3S_NAME
  elif [ "$command" = agent ]; then
    name=k3s-agent
  fi
  if [ -n "${INSTALL_K3S_TYPE:-}" ]; then
    type=$INSTALL_K3S_TYPE
  elif [ "$command" = server ]; then
    type="notify"
  else
    type="exec"
  fi
  bin=${INSTALL_K3S_BIN_DIR:-/usr/local/bin}
  units=${INSTALL_K3S_SYSTEMD_DIR:-/etc/systemd/system}
  unit=$units/$name.service
  environment=$units/$name.service.env
  uninstall=$bin/$name-uninstall.sh
  killall=$bin/k3s-killall.sh
  [ "$(id -u)" = 0 ] || fatal "this script must be run as root"
  command -v systemctl > /dev/null 2>&1 || fatal "cannot find systemd to use as a process supervisor for k3s"
}

# What the service depends on; compared before and after.
fingerprint() {
  sha256sum "$bin/k3s" "$unit" "$environment" 2> /dev/null | sha256sum
}

download() {
  if [ "${INSTALL_K3S_SKIP_DOWNLOAD:-}" = true ] || [ "${INSTALL_K3S_SKIP_DOWNLOAD:-}" = binary ] || [ "${INSTALL_K3S_BIN_DIR_READ_ONLY:-}" = true ]; then
    [ -x "$bin/k3s" ] || fatal "Executable k3s binary not found at $bin/k3s"
    info "Skipping k3s download and verify"
    return
  fi
  [ -n "${INSTALL_K3S_VERSION:-}" ] || fatal "INSTALL_K3S_VERSION is needed: the stand-in has no channels"
  [ -n "${INSTALL_K3S_MIRROR_URL:-}" ] || fatal "INSTALL_K3S_MIRROR_URL is needed: the stand-in has no releases on the internet"
  releases=$INSTALL_K3S_MIRROR_URL/$INSTALL_K3S_VERSION
  temporary=$(mktemp -d)
  trap 'rm -rf "$temporary"' EXIT INT TERM
  info "Downloading hash $releases/sha256sum-amd64.txt"
  curl -fsSL -o "$temporary/sums" "$releases/sha256sum-amd64.txt" || fatal "Download failed"
  wanted=$(awk '$2 == "k3s" { print $1 }' "$temporary/sums")
  [ -n "$wanted" ] || fatal "sha256sum-amd64.txt does not name k3s"
  if [ -x "$bin/k3s" ] && [ "$(sha256sum < "$bin/k3s")" = "$wanted  -" ]; then
    info "Skipping binary downloaded, installed k3s matches hash"
    return
  fi
  info "Downloading binary $releases/k3s"
  curl -fsSL -o "$temporary/k3s" "$releases/k3s" || fatal "Download failed"
  [ "$(sha256sum < "$temporary/k3s")" = "$wanted  -" ] || fatal "Download sha256 does not match $wanted, got $(sha256sum < "$temporary/k3s")"
  info "Installing k3s to $bin/k3s"
  mkdir -p "$bin"
  install -m 755 "$temporary/k3s" "$bin/.k3s.new"
  mv -f "$bin/.k3s.new" "$bin/k3s"
}

links() {
  [ "${INSTALL_K3S_SYMLINK:-}" != skip ] && [ "${INSTALL_K3S_BIN_DIR_READ_ONLY:-}" != true ] || return 0
  for tool in kubectl crictl ctr; do
    if [ -e "$bin/$tool" ] && [ "${INSTALL_K3S_SYMLINK:-}" != force ]; then
      info "Skipping $bin/$tool symlink to k3s, already exists"
    elif [ "${INSTALL_K3S_SYMLINK:-}" != force ] && found=$(command -v "$tool" 2> /dev/null); then
      info "Skipping $bin/$tool symlink to k3s, command exists in PATH at $found"
    else
      info "Creating $bin/$tool symlink to k3s"
      ln -sf k3s "$bin/$tool"
    fi
  done
}

# Writes standard input to a file at once, with a mode.
put() {
  mkdir -p "$(dirname "$2")"
  (umask 077 && cat > "$2.new")
  chmod "$1" "$2.new"
  mv -f "$2.new" "$2"
}

write_killall() {
  info "Creating killall script $killall"
  put 755 "$killall" << EOF
#!/bin/sh
# Stops k3s and everything that runs under it on this machine, pods included. Data stays.
set -u
[ "\$(id -u)" = 0 ] || exec sudo "\$0" "\$@"
for unit in $units/k3s*.service; do
  [ -s "\$unit" ] && systemctl stop "\$(basename "\$unit")"
done
# Containers outlive the service on purpose; their shims are all children of containerd's shim program.
shims() {
  for process in /proc/[0-9]*; do
    case "\$(tr '\\0' ' ' < "\$process/cmdline" 2> /dev/null)" in
      *containerd-shim*/run/k3s/containerd/*) echo "\${process#/proc/}" ;;
    esac
  done
}
tree() {
  for parent in "\$@"; do
    echo "\$parent"
    # shellcheck disable=SC2013 # numbers on one line
    for child in \$(cat /proc/"\$parent"/task/*/children 2> /dev/null); do
      tree "\$child"
    done
  done
}
# shellcheck disable=SC2046 # a list of numbers
processes=\$(tree \$(shims))
for process in \$processes; do
  kill -9 "\$process" 2> /dev/null
done
unmount() {
  # The deepest first.
  awk -v prefix="\$1" 'index(\$2, prefix) == 1 { print \$2 }' /proc/self/mounts | sort -r | while read -r mount; do
    umount -- "\$mount"
  done
}
for folder in /run/k3s /var/lib/kubelet/pods /var/lib/kubelet/plugins /run/netns/cni-; do
  unmount "\$folder"
done
for namespace in \$(ip netns list 2> /dev/null | awk '/^cni-/ { print \$1 }'); do
  ip netns delete "\$namespace"
done
ip link show cni0 > /dev/null 2>&1 && ip link delete cni0
ip route show proto 107 | while read -r destination _; do
  ip route delete "\$destination" proto 107
done
rm -rf /var/lib/cni/networks/cbr0 /run/flannel
for table in nat filter mangle; do
  iptables-save -t "\$table" 2> /dev/null | grep -vE 'KUBE-|CNI-|k3s pods' | iptables-restore -T "\$table" 2> /dev/null
done
exit 0
EOF
}

write_uninstall() {
  info "Creating uninstall script $uninstall"
  put 755 "$uninstall" << EOF
#!/bin/sh
# Removes k3s from this machine: service, programs, settings and all data, volumes of the class local-path included.
set -u
[ "\$(id -u)" = 0 ] || exec sudo "\$0" "\$@"
"$killall"
systemctl disable "$name" 2> /dev/null
systemctl reset-failed "$name" 2> /dev/null
rm -f "$unit" "$environment"
systemctl daemon-reload
for other in $units/k3s*.service; do
  if [ -e "\$other" ]; then
    echo "Additional k3s services installed, skipping uninstall of k3s"
    rm -f "$uninstall"
    exit 0
  fi
done
for tool in kubectl crictl ctr; do
  if [ -L "$bin/\$tool" ] && [ "\$(readlink "$bin/\$tool")" = k3s ]; then
    rm -f "$bin/\$tool"
  fi
done
remove() {
  # A folder that is a mount itself can only be emptied.
  rm -rf --one-file-system "\$1" 2> /dev/null
  [ ! -d "\$1" ] || find "\$1" -xdev -mindepth 1 -delete 2> /dev/null
}
for folder in /etc/rancher/k3s /run/k3s /var/lib/rancher/k3s /var/lib/rancher /var/lib/kubelet /var/lib/containerd/k3s; do
  remove "\$folder"
done
rm -f "$bin/k3s" "$killall" "$uninstall"
exit 0
EOF
}

write_environment() {
  info "env: Creating environment file $environment"
  env | grep '^K3S_' | while IFS= read -r line; do
    # systemd reads double quotes with backslashes.
    printf '%s="%s"\n' "${line%%=*}" "$(printf '%s' "${line#*=}" | sed 's/[\\"]/\\&/g')"
  done | put 600 "$environment"
  env | grep -iE '^(NO|HTTP|HTTPS)_PROXY=' >> "$environment" || true
}

write_unit() {
  info "systemd: Creating service file $unit"
  put 644 "$unit" << EOF
[Unit]
Description=Lightweight Kubernetes (stand-in)
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=$type
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-$environment
# Pods go on while k3s is restarted or upgraded.
KillMode=process
Delegate=yes
User=root
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
TimeoutStopSec=60
Restart=always
RestartSec=5s
ExecStart=$bin/k3s $command$arguments
EOF
}

# Debian starts its etcd as a service of its own, on the ports of k3s's datastore.
free_ports() {
  if [ "$command" = server ] && systemctl is-active --quiet etcd.service; then
    info "systemd: Stopping Debian's etcd service, whose ports k3s needs"
    systemctl disable --now etcd.service > /dev/null 2>&1 || fatal "systemctl disable --now etcd.service failed"
  fi
}

start() {
  if [ "${INSTALL_K3S_SKIP_ENABLE:-}" = true ]; then
    return
  fi
  info "systemd: Enabling $name unit"
  systemctl enable "$unit" > /dev/null 2>&1 || fatal "systemctl enable $name failed"
  systemctl daemon-reload
  if [ "${INSTALL_K3S_SKIP_START:-}" = true ]; then
    return
  fi
  if [ "$before" = "$(fingerprint)" ] && [ "${INSTALL_K3S_FORCE_RESTART:-}" != true ] && systemctl is-active --quiet "$name"; then
    info "No change detected so skipping service start"
    return
  fi
  free_ports
  info "systemd: Starting $name"
  systemctl restart "$name"
}

settings "$@"
before=$(fingerprint)
download
links
write_killall
write_uninstall
write_environment
write_unit
start

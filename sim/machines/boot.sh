#!/bin/sh
# Holds one machine's power: becomes (by exec, so with one process id throughout) the systemd-nspawn that boots the machine.
#
# Everything the machine occupies besides its disk hangs on this process: the mounts and the network namespace are made in
# namespaces of its own, so that `kill -9` leaves nothing to clean but empty control groups.
#
# The environment says what to boot (see power.ts):
#   LAB_MACHINE   name      LAB_PID_FILE  where to leave "pid start-time"      LAB_CGROUPS  control groups to join
#   LAB_BRIDGE    bridge    LAB_CARDS     "host-side,name,mac" per card        LAB_LAYERS   overlay | copy | ephemeral
# The working directory is the disk: `lower` (a link), `upper`, `work`, `root`, and in `data` what must not lie on an overlay.
set -eu

if [ "${1:-}" != inside ]; then
  # The 22nd field of stat: pid and start time together name a process for good.
  read -r stat < /proc/$$/stat
  # shellcheck disable=SC2086 # split on purpose
  set -- ${stat##*) }
  echo "$$ ${20}" > "$LAB_PID_FILE"
  for group in $LAB_CGROUPS; do
    echo $$ > "$group/cgroup.procs"
  done
  exec 9< /proc/self/ns/net
  exec unshare --mount --net --propagation private -- /bin/sh "$0" inside
fi

on_host() {
  nsenter --net=/proc/self/fd/9 -- "$@"
}

for card in $LAB_CARDS; do
  IFS=, read -r outside name mac << CARD
$card
CARD
  # What a machine that was killed a moment ago has left goes away by itself, but later.
  on_host ip link delete "$outside" 2> /dev/null || true
  on_host ip link add "$outside" type veth peer name "$name" address "$mac" netns $$
  on_host ip link set "$outside" master "$LAB_BRIDGE" up
done
exec 9<&-

case "$LAB_LAYERS" in
  overlay)
    mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root
    ;;
  ephemeral)
    mount -t tmpfs -o mode=755 tmpfs scratch
    mkdir scratch/upper scratch/work
    cp -a upper/. scratch/upper/
    mount -t overlay -o lowerdir=lower,upperdir=scratch/upper,workdir=scratch/work overlay root
    ;;
esac
# k3s, containerd and kubelet want a real file system: an overlay cannot be the upper layer of another.
for folder in data/*; do
  [ -d "$folder" ] || continue
  mkdir -p "root/var/lib/${folder#data/}"
  mount --bind "$folder" "root/var/lib/${folder#data/}"
done

# systemd-nspawn leaves folders and locks here; on the machine's own they go with it.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn

modules=
[ -d /lib/modules ] && modules=--bind-ro=/lib/modules

# network: /proc/sys/net is writable, /sys is not (else udevd starts and waits for devices that never come).
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
# shellcheck disable=SC2086 # $modules is one word or none
exec systemd-nspawn --quiet --register=no --keep-unit --settings=no \
  --directory=root --machine="$LAB_MACHINE" --network-namespace-path=/proc/$$/ns/net \
  --capability=all --private-users=no --system-call-filter="@keyring bpf" \
  --bind=/dev/kmsg $modules --resolv-conf=off --timezone=off --link-journal=no \
  --kill-signal=SIGRTMIN+4 --console=read-only --boot

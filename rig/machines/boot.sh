#!/bin/sh
# Holds one machine's power: as long as this process lives, the power is on. It outlives the simulator.
#
# SIGTERM is a short press of the power button (the machine shuts itself down), `kill -9` pulls the plug. All that the machine
# occupies besides its disk, mounts and network included, is in namespaces made here, so that nothing of it outlasts its processes.
#
# The environment says what to boot (see power.ts):
#   LAB_MACHINE   name      LAB_PID_FILE  where to leave "pid start-time"      LAB_CGROUPS  the machine's control groups
#   LAB_BRIDGE    bridge    LAB_CARDS     "host-side,name,mac" per card        LAB_LAYERS   overlay | copy | ephemeral
# The working directory is the disk: `lower` (a link), `upper`, `work`, `root`, and in `data` what must not lie on an overlay.
set -eu

if [ "${1:-}" != inside ]; then
  # The 22nd field of stat: pid and start time together name a process for good.
  read -r stat < /proc/$$/stat
  # shellcheck disable=SC2086 # split on purpose
  set -- ${stat##*) }
  echo "$$ ${20}" > "$LAB_PID_FILE"
  # Beside the machine's own groups, because in version 2 a group has either processes or controlled children.
  for group in $LAB_CGROUPS; do
    echo $$ > "$group/holder/cgroup.procs"
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

boot() {
  # The machine joins its control groups before systemd-nspawn makes them the root of what it sees.
  # shellcheck disable=SC2016,SC2086 # $$ is the inner shell's; $modules is one word or none
  setpriv --pdeathsig KILL sh -c 'for group in $LAB_CGROUPS; do echo $$ > "$group/machine/cgroup.procs"; done; exec "$@"' boot \
    systemd-nspawn --quiet --register=no --keep-unit --settings=no \
    --directory=root --machine="$LAB_MACHINE" --network-namespace-path=/proc/$$/ns/net \
    --capability=all --private-users=no --system-call-filter="@keyring bpf" \
    --bind=/dev/kmsg $modules --resolv-conf=off --timezone=off --link-journal=no \
    --kill-signal=SIGRTMIN+4 --console=read-only --boot &
  machine=$!
}

machine=
trap '[ -z "$machine" ] || kill -TERM "$machine"' TERM
while :; do
  boot
  while :; do
    code=0
    wait "$machine" || code=$?
    # The signal ends the wait, not the machine.
    kill -0 "$machine" 2> /dev/null || break
  done
  # 133 is systemd-nspawn's word for a machine that reboots.
  [ "$code" = 133 ] || exit "$code"
done

package node

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroups = "/sys/fs/cgroup"

// prepareMachine makes what the kubelet and the pod network need of the machine.
func (n *Node) prepareMachine() error {
	if err := os.MkdirAll("/run/k3s", 0o711); err != nil {
		return err
	}
	if _, err := os.Stat("/dev/kmsg"); err != nil {
		return fmt.Errorf("the machine has no /dev/kmsg, which the kubelet reads: a systemd-nspawn machine needs --bind=/dev/kmsg")
	}
	for file, value := range map[string]string{
		"/proc/sys/net/ipv4/ip_forward":                "1",
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
		"/proc/sys/net/ipv4/conf/all/route_localnet":   "1",
	} {
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil && !os.IsNotExist(err) {
			slog.Warn("kernel setting could not be set", "file", file, "error", err.Error())
		}
	}
	// Pods that mount with propagation need a shared root.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		slog.Warn("the root mount could not be made shared", "error", err.Error())
	}
	if err := checkKernel("/proc/sys"); err != nil {
		return err
	}
	return prepareCgroups()
}

// checkKernel sets what the kubelet insists on. A machine that is a container cannot: its host must have done it, and a
// kubelet that ends over and over would say so less clearly.
func checkKernel(folder string) error {
	for name, value := range map[string]string{"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1"} {
		file := filepath.Join(folder, name)
		content, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(content)) == value {
			continue
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return fmt.Errorf("the kubelet needs the kernel setting %s to be %s, it is %s and cannot be changed from here: set it on the host of this machine", name, value, strings.TrimSpace(string(content)))
		}
	}
	return nil
}

func bridgeFiltered() bool {
	content, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && strings.TrimSpace(string(content)) == "1"
}

// prepareCgroups lets the kubelet make groups in a machine that is a container: systemd-nspawn mounts the version 1
// controllers read-only. The root that is seen here is the machine's own, by its control group namespace.
func prepareCgroups() error {
	if !inContainer() {
		return nil
	}
	if isUnified() {
		return enableControllers(cgroups)
	}
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return err
	}
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[2] != "cgroup" || !strings.HasPrefix(fields[1], cgroups+"/") || !strings.HasPrefix(fields[3], "ro") {
			continue
		}
		if err := unix.Mount("", fields[1], "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("making the control groups at %s writable: %w", fields[1], err)
		}
	}
	return nil
}

func isUnified() bool {
	var stat unix.Statfs_t
	return unix.Statfs(cgroups, &stat) == nil && int64(stat.Type) == int64(unix.CGROUP2_SUPER_MAGIC)
}

// enableControllers hands the machine's controllers down, so that the kubelet's groups can have limits.
func enableControllers(group string) error {
	available, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		// One that is in use elsewhere cannot be enabled; the kubelet says which it misses.
		_ = os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
	return nil
}

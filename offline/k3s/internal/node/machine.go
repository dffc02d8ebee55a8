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
	return n.prepareCgroups()
}

func bridgeFiltered() bool {
	content, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && strings.TrimSpace(string(content)) == "1"
}

// cgroupRoot is this machine's own group. Simulated machines may see the host's hierarchies, and two kubelets below the
// same group would remove each other's pods, so it carries the machine's name.
func (n *Node) cgroupRoot() string {
	if !inContainer() {
		return "/"
	}
	return "/k3s-" + n.options.NodeName
}

// prepareCgroups makes the kubelet's root group. systemd-nspawn mounts the version 1 controllers read-only.
func (n *Node) prepareCgroups() error {
	if !inContainer() {
		return nil
	}
	if isUnified() {
		return n.prepareUnified()
	}
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return err
	}
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[2] != "cgroup" || !strings.HasPrefix(fields[1], cgroups+"/") {
			continue
		}
		if strings.Contains(fields[3], "name=systemd") {
			continue
		}
		if strings.HasPrefix(fields[3], "ro") {
			if err := unix.Mount("", fields[1], "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
				return fmt.Errorf("making the control groups at %s writable: %w", fields[1], err)
			}
		}
		group := filepath.Join(fields[1], n.cgroupRoot())
		if err := os.MkdirAll(group, 0o755); err != nil {
			return err
		}
		inheritCpuset(fields[1], group)
	}
	return nil
}

// inheritCpuset fills a new version 1 cpuset, which no process can enter while it is empty.
func inheritCpuset(parent, group string) {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		if value, err := os.ReadFile(filepath.Join(parent, name)); err == nil {
			_ = os.WriteFile(filepath.Join(group, name), value, 0o644)
		}
	}
}

func isUnified() bool {
	var stat unix.Statfs_t
	return unix.Statfs(cgroups, &stat) == nil && int64(stat.Type) == int64(unix.CGROUP2_SUPER_MAGIC)
}

// prepareUnified enables the machine's controllers for a group of its own.
func (n *Node) prepareUnified() error {
	available, err := os.ReadFile(filepath.Join(cgroups, "cgroup.controllers"))
	if err != nil {
		return err
	}
	enable := func(group string) {
		for _, controller := range strings.Fields(string(available)) {
			// One that is in use elsewhere cannot be enabled; the kubelet says which it misses.
			_ = os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
		}
	}
	enable(cgroups)
	group := filepath.Join(cgroups, n.cgroupRoot())
	if err := os.MkdirAll(group, 0o755); err != nil {
		return err
	}
	enable(group)
	return nil
}

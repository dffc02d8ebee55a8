// Package node runs the part of k3s that every machine has: container runtime, kubelet, proxy, pod network.
package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/process"
)

const (
	// ContainerdSocket is k3s's.
	ContainerdSocket = "/run/k3s/containerd/containerd.sock"
	containerdState  = "/run/k3s/containerd"
	cniBinaries      = "/usr/lib/cni"
	// DefaultPauseImage is in the air-gap archive that comes with the stand-in.
	DefaultPauseImage = "homelab.internal/pause:3.6"
)

func (n *Node) agentDir(parts ...string) string {
	return filepath.Join(append([]string{n.options.DataDir, "agent"}, parts...)...)
}

func (n *Node) startContainerd(ctx context.Context) error {
	path, err := exec.LookPath("containerd")
	if err != nil {
		return fmt.Errorf("the machine has no containerd: install Debian's containerd, runc and containernetworking-plugins")
	}
	root, snapshotter := n.containerdStorage()
	registries, logins, err := n.writeRegistries()
	if err != nil {
		return err
	}
	config := n.agentDir("etc/containerd/config.toml")
	text := containerdConfig(containerdSettings{
		root: root, snapshotter: snapshotter, pause: or(n.options.PauseImage, DefaultPauseImage),
		cniConf: n.agentDir("etc/cni/net.d"), registries: registries, logins: logins,
	})
	if err := credentials.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	n.group.Keep(process.Child{Name: "containerd", Path: path, Args: process.Fixed("--config", config)})
	for deadline := time.Now().Add(2 * time.Minute); ; {
		check, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := exec.CommandContext(check, "ctr", "--address", ContainerdSocket, "version").Run()
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("containerd does not answer on %s: %w", ContainerdSocket, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// containerdStorage is a folder whose file system can hold the snapshotter's layers. Overlay cannot lie on overlay, as
// the root of a simulated machine is one; then Debian's own containerd folder is taken when that is a real file system.
func (n *Node) containerdStorage() (root, snapshotter string) {
	root = n.agentDir("containerd")
	_ = os.MkdirAll(root, 0o700)
	if n.options.Snapshotter != "overlayfs" || !isOverlay(root) {
		return root, n.options.Snapshotter
	}
	other := "/var/lib/containerd"
	if _, err := os.Stat(other); err == nil && !isOverlay(other) {
		slog.Info("the data folder is an overlay file system, layers are kept elsewhere", "folder", other)
		return filepath.Join(other, "k3s"), "overlayfs"
	}
	slog.Warn("the data folder is an overlay file system and so is /var/lib/containerd: layers are copied, which is slow and large")
	return root, "native"
}

func isOverlay(path string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(path, &stat) == nil && int64(stat.Type) == int64(unix.OVERLAYFS_SUPER_MAGIC)
}

type containerdSettings struct {
	root, snapshotter, pause, cniConf, registries, logins string
}

func containerdConfig(s containerdSettings) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
oom_score = 0

[debug]
  level = "warn"

[grpc]
  address = %q

[ttrpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  enable_tls_streaming = false
  # The capability to lower the OOM score may be missing in a simulated machine.
  restrict_oom_score_adj = true
  disable_apparmor = %t
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
%s`, s.root, containerdState, ContainerdSocket, ContainerdSocket+".ttrpc", s.pause, inContainer(), s.snapshotter, cniBinaries, s.cniConf, s.registries, s.logins)
}

// importImages loads every archive of agent/images that has changed since the last start.
func (n *Node) importImages(ctx context.Context) error {
	folder := n.agentDir("images")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	for _, entry := range entries {
		if !isImageArchive(entry.Name()) {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		mark, stamp, err := n.importMark(path)
		if err != nil {
			return err
		}
		if known, err := os.ReadFile(mark); err == nil && string(known) == stamp {
			continue
		}
		began := time.Now()
		command := exec.CommandContext(ctx, "ctr", "--address", ContainerdSocket, "--namespace", "k8s.io", "images", "import", "--all-platforms", path)
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("importing %s: %w: %s", path, err, strings.TrimSpace(string(output)))
		}
		slog.Info("imported images", "file", path, "milliseconds", time.Since(began).Milliseconds())
		if err := credentials.WriteFile(mark, []byte(stamp), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func isImageArchive(name string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tar.lz4"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func (n *Node) importMark(path string) (mark, stamp string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	root, _ := n.containerdStorage()
	return filepath.Join(root, "imported", filepath.Base(path)), fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano()), nil
}

// inContainer says whether this machine is a container, such as a systemd-nspawn machine of the embedded lab.
func inContainer() bool {
	_, err := os.Stat("/run/systemd/container")
	return err == nil
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

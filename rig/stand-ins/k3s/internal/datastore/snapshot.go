package datastore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"homelab/k3s/internal/options"
)

// Snapshot is one saved copy of the datastore.
type Snapshot struct {
	Name    string
	Path    string
	Size    int64
	Created time.Time
}

// Save writes a snapshot named `<name>-<node>-<seconds>` and answers where.
func (e *Etcd) Save(ctx context.Context, name string) (Snapshot, error) {
	if e.External() {
		return Snapshot{}, errors.New("etcd snapshots are only for the embedded datastore")
	}
	client, err := e.Client()
	if err != nil {
		return Snapshot{}, err
	}
	defer client.Close()
	stream, err := client.Snapshot(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("taking a snapshot: %w", err)
	}
	defer stream.Close()
	dir := e.options.SnapshotDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Snapshot{}, err
	}
	file := fmt.Sprintf("%s-%s-%d", name, e.options.NodeName, time.Now().Unix())
	path := filepath.Join(dir, file)
	if err := writeStream(path+".part", stream); err != nil {
		return Snapshot{}, err
	}
	if e.options.SnapshotCompress {
		if err := compress(path+".part", path+".zip", file); err != nil {
			return Snapshot{}, err
		}
		path += ".zip"
	} else if err := os.Rename(path+".part", path); err != nil {
		return Snapshot{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{filepath.Base(path), path, info.Size(), info.ModTime()}, nil
}

func writeStream(path string, from io.Reader) error {
	to, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return errors.Join(err, to.Close())
	}
	return errors.Join(to.Sync(), to.Close())
}

// Snapshots lists what is in the folder, the oldest first.
func Snapshots(o *options.Options) ([]Snapshot, error) {
	entries, err := os.ReadDir(o.SnapshotDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || entry.IsDir() || strings.HasSuffix(entry.Name(), ".part") {
			continue
		}
		out = append(out, Snapshot{entry.Name(), filepath.Join(o.SnapshotDir, entry.Name()), info.Size(), info.ModTime()})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Created.Before(out[j].Created) })
	return out, nil
}

// Prune removes the oldest snapshots of this name and node beyond the number to keep.
func Prune(o *options.Options, name string, keep int) ([]Snapshot, error) {
	all, err := Snapshots(o)
	if err != nil || keep < 1 {
		return nil, err
	}
	var own []Snapshot
	for _, snapshot := range all {
		if strings.HasPrefix(snapshot.Name, name+"-"+o.NodeName+"-") {
			own = append(own, snapshot)
		}
	}
	var removed []Snapshot
	for len(own) > keep {
		if err := os.Remove(own[0].Path); err != nil {
			return removed, err
		}
		removed, own = append(removed, own[0]), own[1:]
	}
	return removed, nil
}

// Restore replaces the data folder by a snapshot's content, as a new cluster of this one member. The old folder stays
// beside it.
func (e *Etcd) Restore(ctx context.Context, snapshot string) error {
	if _, err := os.Stat(snapshot); err != nil {
		return fmt.Errorf("cluster-reset-restore-path: %w", err)
	}
	tool, err := exec.LookPath("etcdctl")
	if err != nil {
		return errors.New("the machine has no etcdctl: install Debian's etcd-client")
	}
	if strings.HasSuffix(snapshot, ".zip") {
		plain, err := decompress(snapshot, filepath.Dir(e.Dir()))
		if err != nil {
			return err
		}
		defer os.Remove(plain)
		snapshot = plain
	}
	if err := e.setAside(); err != nil {
		return err
	}
	name, err := e.Name()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, tool, "snapshot", "restore", snapshot, "--name="+name, "--data-dir="+e.Dir(),
		"--initial-cluster="+name+"="+e.PeerURL(), "--initial-advertise-peer-urls="+e.PeerURL())
	command.Env = append(os.Environ(), "ETCDCTL_API=3")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("etcdctl snapshot restore: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

func (e *Etcd) setAside() error {
	// Another member than before, so another name.
	if err := os.Remove(e.nameFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(e.Dir()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return os.Rename(e.Dir(), fmt.Sprintf("%s-old-%d", e.Dir(), time.Now().Unix()))
}

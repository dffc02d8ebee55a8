package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"homelab/k3s/internal/controlplane"
	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
)

const snapshotTimeout = 5 * time.Minute

// etcdSnapshot is `k3s etcd-snapshot save|ls|delete|prune`; settings as for the server, with --name and so on in short.
func etcdSnapshot(arguments []string) error {
	verb, rest := "save", arguments
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		verb, rest = arguments[0], arguments[1:]
	}
	var names, settings []string
	output := "table"
	explicit := ""
	for i := 0; i < len(rest); i++ {
		name, value, given := strings.Cut(rest[i], "=")
		if !strings.HasPrefix(name, "-") {
			names = append(names, rest[i])
			continue
		}
		if !given && i+1 < len(rest) && name != "--snapshot-compress" && name != "--etcd-snapshot-compress" {
			i++
			value = rest[i]
		}
		switch strings.TrimLeft(name, "-") {
		case "o", "output":
			output = value
		case "name", "snapshot-name", "etcd-snapshot-name":
			explicit = value
		case "dir", "snapshot-dir", "etcd-snapshot-dir":
			settings = append(settings, "--etcd-snapshot-dir="+value)
		case "snapshot-retention", "etcd-snapshot-retention":
			settings = append(settings, "--etcd-snapshot-retention="+value)
		case "snapshot-compress", "etcd-snapshot-compress":
			settings = append(settings, "--etcd-snapshot-compress="+or(value, "true"))
		case "etcd-token", "token":
			// The stand-in reads the datastore with this machine's own certificates.
		default:
			settings = append(settings, name+"="+value)
		}
	}
	o, err := options.Load(options.Server, settings)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
	defer cancel()
	switch verb {
	case "save":
		return saveSnapshot(ctx, o, or(explicit, "on-demand"))
	case "ls", "list", "l":
		return listSnapshots(o, output)
	case "delete":
		return deleteSnapshots(o, names)
	case "prune":
		removed, err := datastore.Prune(o, or(explicit, o.SnapshotName), o.SnapshotRetention)
		for _, snapshot := range removed {
			slog.Info("Snapshot " + snapshot.Name + " deleted.")
		}
		return err
	}
	return fmt.Errorf("no etcd-snapshot command %q: save, ls, delete or prune", verb)
}

func saveSnapshot(ctx context.Context, o *options.Options, name string) error {
	etcd := datastore.New(o)
	if !etcd.Initialized() {
		return errors.New("this machine has no etcd data: run the command on a server")
	}
	saved, err := etcd.Save(ctx, name)
	if err != nil {
		return err
	}
	slog.Info("Snapshot "+saved.Name+" saved.", "path", saved.Path, "bytes", saved.Size)
	_, err = datastore.Prune(o, name, o.SnapshotRetention)
	return err
}

func listSnapshots(o *options.Options, output string) error {
	all, err := datastore.Snapshots(o)
	if err != nil {
		return err
	}
	if output == "json" {
		items := make([]map[string]any, 0, len(all))
		for _, snapshot := range all {
			items = append(items, map[string]any{
				"name": snapshot.Name, "location": "file://" + snapshot.Path, "size": snapshot.Size, "creationTime": snapshot.Created.UTC().Format(time.RFC3339),
			})
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"items": items})
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "Name\tLocation\tSize\tCreated")
	for _, snapshot := range all {
		fmt.Fprintf(table, "%s\tfile://%s\t%s\t%s\n", snapshot.Name, snapshot.Path, strconv.FormatInt(snapshot.Size, 10), snapshot.Created.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

func deleteSnapshots(o *options.Options, names []string) error {
	if len(names) == 0 {
		return errors.New("no snapshots given for removal")
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(o.SnapshotDir, filepath.Base(name))); err != nil {
			return err
		}
		slog.Info("Snapshot " + name + " deleted.")
	}
	return nil
}

// clusterReset makes this server the only member, from a snapshot when one is named, and ends: the service is started
// again without --cluster-reset, and the other servers join anew with empty data folders.
func clusterReset(o *options.Options) error {
	marker := datastore.New(o).ResetMarker()
	if _, err := os.Stat(marker); err == nil {
		return errors.New("Managed etcd cluster membership was previously reset, please remove the cluster-reset flag and start k3s normally. If you need to perform another cluster reset, you must first manually delete the file at " + marker)
	}
	err := untilDone(func(ctx context.Context, group *process.Group) error { return controlplane.Reset(ctx, o, group) })
	if err != nil {
		return err
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		return err
	}
	slog.Info("Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes")
	return nil
}

func untilDone(work func(context.Context, *process.Group) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
	defer cancel()
	group := &process.Group{}
	defer group.Stop()
	return work(ctx, group)
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

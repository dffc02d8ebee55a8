package controlplane

import (
	"context"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"

	"homelab/k3s/internal/datastore"
)

// StartSnapshots takes scheduled snapshots of the embedded datastore until the context ends.
func (s *Server) StartSnapshots(ctx context.Context) {
	o := s.Options
	if o.SnapshotsDisabled || s.Etcd.External() || !o.HighlyAvailable() {
		return
	}
	schedule, err := cron.ParseStandard(o.SnapshotCron)
	if err != nil {
		slog.Error("etcd-snapshot-schedule-cron cannot be read, no snapshots are taken", "schedule", o.SnapshotCron, "error", err.Error())
		return
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(schedule.Next(time.Now()))):
			}
			saved, err := s.Etcd.Save(ctx, o.SnapshotName)
			if err != nil {
				slog.Error("scheduled etcd snapshot", "error", err.Error())
				continue
			}
			slog.Info("saved etcd snapshot", "name", saved.Name, "bytes", saved.Size)
			if _, err := datastore.Prune(o, o.SnapshotName, o.SnapshotRetention); err != nil {
				slog.Error("removing old etcd snapshots", "error", err.Error())
			}
		}
	}()
}

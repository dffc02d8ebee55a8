package controlplane

import (
	"context"
	"os"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
)

// Reset makes this server's datastore a cluster of one, from a snapshot when the settings name one. The shared files
// come out of the datastore, which needs the server token that was valid when the snapshot was taken.
func Reset(ctx context.Context, o *options.Options, group *process.Group) error {
	s := &Server{Options: o, Files: credentials.Files(o.DataDir), Etcd: datastore.New(o)}
	if err := os.MkdirAll(s.Files.Path(""), 0o700); err != nil {
		return err
	}
	if err := s.chooseTokens(); err != nil {
		return err
	}
	if err := s.Files.EnsureServer(o, apiServerURL()); err != nil {
		return err
	}
	if o.RestorePath != "" {
		if err := s.Etcd.Restore(ctx, o.RestorePath); err != nil {
			return err
		}
	}
	if err := s.Etcd.StartAlone(group); err != nil {
		return err
	}
	if err := s.Etcd.WaitReady(ctx); err != nil {
		return err
	}
	if _, err := s.reconcileBootstrap(ctx); err != nil {
		return err
	}
	return s.writeTokens()
}

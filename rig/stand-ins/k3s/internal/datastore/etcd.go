// Package datastore runs the distribution's etcd as k3s runs its embedded one: members, snapshots, bootstrap data.
package datastore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
)

const (
	clientPort  = 2379
	peerPort    = 2380
	metricsPort = 2381
	dialTimeout = 5 * time.Second
)

// Etcd is one server's datastore.
type Etcd struct {
	options *options.Options
	files   credentials.ServerFiles
	stop    func()
}

// New says where the datastore of a server is; nothing is started.
func New(o *options.Options) *Etcd {
	return &Etcd{options: o, files: credentials.Files(o.DataDir)}
}

// External says that the datastore is somebody else's.
func (e *Etcd) External() bool { return e.options.DatastoreURL != "" }

// Dir is etcd's data folder.
func (e *Etcd) Dir() string { return filepath.Join(e.options.DataDir, "server/db/etcd") }

// Initialized says whether this server has data of its own already.
func (e *Etcd) Initialized() bool {
	_, err := os.Stat(filepath.Join(e.Dir(), "member/wal"))
	return err == nil
}

// PeerURL is where other members reach this one.
func (e *Etcd) PeerURL() string { return fmt.Sprintf("https://%s:%d", e.options.NodeIP, peerPort) }

// nameFile is beside etcd's own folder, where etcd would complain about it.
func (e *Etcd) nameFile() string { return filepath.Join(e.options.DataDir, "server/db/name") }

// Name is this member's name: the node's with a random end, as k3s chooses it.
func (e *Etcd) Name() (string, error) {
	path := e.nameFile()
	if content, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	name := e.options.NodeName + "-" + credentials.RandomSecret()[:8]
	return name, credentials.WriteFile(path, []byte(name), 0o600)
}

// APIServerFlags tell the API server where its datastore is.
func (e *Etcd) APIServerFlags() map[string]string {
	if e.External() {
		flags := map[string]string{"etcd-servers": e.options.DatastoreURL}
		for name, value := range map[string]string{"etcd-cafile": e.options.DatastoreCA, "etcd-certfile": e.options.DatastoreCert, "etcd-keyfile": e.options.DatastoreKey} {
			if value != "" {
				flags[name] = value
			}
		}
		return flags
	}
	return map[string]string{
		"etcd-servers": fmt.Sprintf("https://127.0.0.1:%d", clientPort), "etcd-cafile": e.files.Path("etcd/server-ca.crt"),
		"etcd-certfile": e.files.Path("etcd/client.crt"), "etcd-keyfile": e.files.Path("etcd/client.key"),
	}
}

// Start keeps etcd running. initialCluster is "" for a first or a known member, else what the joined cluster answered.
func (e *Etcd) Start(group *process.Group, initialCluster string) error {
	return e.start(group, initialCluster)
}

// StartAlone keeps etcd running as the only member of its cluster, whatever members its data knows.
func (e *Etcd) StartAlone(group *process.Group) error {
	return e.start(group, "", "force-new-cluster=true")
}

func (e *Etcd) start(group *process.Group, initialCluster string, extra ...string) error {
	path, err := exec.LookPath("etcd")
	if err != nil {
		return fmt.Errorf("the machine has no etcd: install Debian's etcd-server")
	}
	name, err := e.Name()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.Dir(), 0o700); err != nil {
		return err
	}
	state := "existing"
	if initialCluster == "" {
		initialCluster, state = name+"="+e.PeerURL(), "new"
	}
	metrics := fmt.Sprintf("http://127.0.0.1:%d", metricsPort)
	if e.options.EtcdExposeMetrics {
		metrics += fmt.Sprintf(",http://%s:%d", e.options.NodeIP, metricsPort)
	}
	flags := map[string]string{
		"name": name, "data-dir": e.Dir(),
		"listen-client-urls":    fmt.Sprintf("https://127.0.0.1:%d,https://%s:%d", clientPort, e.options.NodeIP, clientPort),
		"advertise-client-urls": fmt.Sprintf("https://%s:%d", e.options.NodeIP, clientPort),
		"listen-peer-urls":      e.PeerURL(), "initial-advertise-peer-urls": e.PeerURL(),
		"initial-cluster": initialCluster, "initial-cluster-state": state, "listen-metrics-urls": metrics,
		"cert-file": e.files.Path("etcd/server-client.crt"), "key-file": e.files.Path("etcd/server-client.key"),
		"trusted-ca-file": e.files.Path("etcd/server-ca.crt"), "client-cert-auth": "true",
		"peer-cert-file": e.files.Path("etcd/peer-server-client.crt"), "peer-key-file": e.files.Path("etcd/peer-server-client.key"),
		"peer-trusted-ca-file": e.files.Path("etcd/peer-ca.crt"), "peer-client-cert-auth": "true",
		"heartbeat-interval": "500", "election-timeout": "5000", "snapshot-count": "10000",
		"auto-compaction-mode": "periodic", "auto-compaction-retention": "1h", "quota-backend-bytes": "2147483648",
		"logger": "zap", "log-level": "warn", "log-outputs": "stderr",
	}
	e.stop = group.Keep(process.Child{
		Name: "etcd", Path: path,
		Args: process.Fixed(options.Arguments(flags, append(extra, e.options.EtcdArgs...))...),
	})
	return nil
}

// Stop ends etcd and returns when it has ended.
func (e *Etcd) Stop() {
	if e.stop != nil {
		e.stop()
	}
}

// ResetMarker is a file that says that the last thing done here was a cluster reset.
func (e *Etcd) ResetMarker() string { return filepath.Join(e.options.DataDir, "server/db/reset-flag") }

func (e *Etcd) learnerFile() string { return filepath.Join(e.options.DataDir, "server/db/learner") }

// IsLearner says whether this member was added and not promoted yet.
func (e *Etcd) IsLearner() bool {
	_, err := os.Stat(e.learnerFile())
	return err == nil
}

// SetLearner remembers it.
func (e *Etcd) SetLearner(learner bool) error {
	if learner {
		return credentials.WriteFile(e.learnerFile(), nil, 0o600)
	}
	return os.Remove(e.learnerFile())
}

// Client connects to a datastore; endpoints empty is this server's own.
func (e *Etcd) Client(endpoints ...string) (*clientv3.Client, error) {
	if len(endpoints) == 0 {
		endpoints = []string{fmt.Sprintf("https://127.0.0.1:%d", clientPort)}
		if e.External() {
			endpoints = strings.Split(e.options.DatastoreURL, ",")
		}
	}
	config := clientv3.Config{Endpoints: endpoints, DialTimeout: dialTimeout, Logger: zap.NewNop()}
	if strings.HasPrefix(endpoints[0], "https://") {
		ca, certificate, key := e.files.Path("etcd/server-ca.crt"), e.files.Path("etcd/client.crt"), e.files.Path("etcd/client.key")
		if e.External() {
			ca, certificate, key = e.options.DatastoreCA, e.options.DatastoreCert, e.options.DatastoreKey
		}
		config.TLS = &tls.Config{}
		if ca != "" {
			content, err := os.ReadFile(ca)
			if err != nil {
				return nil, err
			}
			config.TLS.RootCAs = x509.NewCertPool()
			config.TLS.RootCAs.AppendCertsFromPEM(content)
		}
		if certificate != "" {
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				return nil, err
			}
			config.TLS.Certificates = []tls.Certificate{pair}
		}
	}
	return clientv3.New(config)
}

// WaitReady returns when the datastore answers a consistent read.
func (e *Etcd) WaitReady(ctx context.Context) error {
	client, err := e.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	for began, said := time.Now(), time.Now(); ; {
		attempt, cancel := context.WithTimeout(ctx, dialTimeout)
		_, err := client.Get(attempt, "health")
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			slog.Info("waiting for the datastore", "seconds", int(time.Since(began).Seconds()), "last", err.Error())
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// AddLearner adds a member that does not vote yet and answers its initial cluster. A member that was at the same
// address before (a machine that was reinstalled) is removed first.
func (e *Etcd) AddLearner(ctx context.Context, name, peerURL string) (string, error) {
	client, err := e.Client()
	if err != nil {
		return "", err
	}
	defer client.Close()
	listed, err := client.MemberList(ctx)
	if err != nil {
		return "", err
	}
	for _, member := range listed.Members {
		if len(member.PeerURLs) > 0 && member.PeerURLs[0] == peerURL {
			if member.Name == name {
				return initialCluster(listed.Members, member.ID, name), nil
			}
			if _, err := client.MemberRemove(ctx, member.ID); err != nil {
				return "", err
			}
		}
	}
	added, err := client.MemberAddAsLearner(ctx, []string{peerURL})
	if err != nil {
		return "", fmt.Errorf("etcd cluster join failed: %w", err)
	}
	return initialCluster(added.Members, added.Member.ID, name), nil
}

func initialCluster(members []*etcdserverpb.Member, self uint64, name string) string {
	var out []string
	for _, member := range members {
		for _, url := range member.PeerURLs {
			if member.ID == self {
				out = append(out, name+"="+url)
			} else {
				out = append(out, member.Name+"="+url)
			}
		}
	}
	return strings.Join(out, ",")
}

// Promote makes the learner with this peer address a voting member, waiting until it has caught up.
func (e *Etcd) Promote(ctx context.Context, peerURL string) error {
	client, err := e.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		listed, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		var learner *etcdserverpb.Member
		found := false
		for _, member := range listed.Members {
			if len(member.PeerURLs) > 0 && member.PeerURLs[0] == peerURL {
				found = true
				if member.IsLearner {
					learner = member
				}
			}
		}
		if !found {
			return fmt.Errorf("no etcd member at %s", peerURL)
		}
		if learner == nil {
			return nil
		}
		if _, err = client.MemberPromote(ctx, learner.ID); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// RemoveMember removes the member of a deleted node; a member that is gone already is no error.
func (e *Etcd) RemoveMember(ctx context.Context, name string) error {
	client, err := e.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	listed, err := client.MemberList(ctx)
	if err != nil {
		return err
	}
	for _, member := range listed.Members {
		if member.Name == name {
			_, err := client.MemberRemove(ctx, member.ID)
			return err
		}
	}
	return nil
}

// IsMember says whether this server's own member is still in the cluster.
func (e *Etcd) IsMember(ctx context.Context) (bool, error) {
	client, err := e.Client()
	if err != nil {
		return false, err
	}
	defer client.Close()
	listed, err := client.MemberList(ctx)
	if err != nil {
		return false, err
	}
	for _, member := range listed.Members {
		if len(member.PeerURLs) > 0 && member.PeerURLs[0] == e.PeerURL() {
			return true, nil
		}
	}
	return false, nil
}

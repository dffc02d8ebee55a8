package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
	"homelab/k3s/internal/supervisor"
)

// Server is a running k3s server without its node.
type Server struct {
	Options *options.Options
	Files   credentials.ServerFiles
	Etcd    *datastore.Etcd
	// Admin has all rights on this server's own API server.
	Admin *rest.Config
	// Token is the secret that other nodes join with, in its short form.
	tokens struct {
		sync.RWMutex
		server, agent string
	}
	ready atomic.Bool
}

// Start brings the control plane up and returns when the API server is ready.
func Start(ctx context.Context, o *options.Options, group *process.Group) (*Server, error) {
	s := &Server{Options: o, Files: credentials.Files(o.DataDir), Etcd: datastore.New(o)}
	if err := os.MkdirAll(s.Files.Path(""), 0o700); err != nil {
		return nil, err
	}
	if err := s.chooseTokens(); err != nil {
		return nil, err
	}
	if err := s.startDatastore(ctx, group); err != nil {
		return nil, err
	}
	if err := s.writeTokens(); err != nil {
		return nil, err
	}
	if err := s.startAPI(ctx, group); err != nil {
		return nil, err
	}
	return s, s.writeKubeconfig()
}

// startDatastore brings the datastore up, joined to the cluster where there is one, and with it what all servers share.
func (s *Server) startDatastore(ctx context.Context, group *process.Group) error {
	o := s.Options
	if s.Etcd.External() {
		if err := s.ensureFiles(); err != nil {
			return err
		}
		if err := s.Etcd.WaitReady(ctx); err != nil {
			return err
		}
		_, err := s.reconcileBootstrap(ctx)
		return err
	}
	// Reset once: a normal start means that it has been seen.
	_ = os.Remove(s.Etcd.ResetMarker())
	initialCluster := ""
	if o.Server != "" && !s.Etcd.Initialized() {
		var err error
		if initialCluster, err = s.join(ctx); err != nil {
			return err
		}
	}
	if err := s.ensureFiles(); err != nil {
		return err
	}
	if err := s.Etcd.Start(group, initialCluster); err != nil {
		return err
	}
	if s.Etcd.IsLearner() {
		if err := s.becomeVoter(ctx); err != nil {
			return err
		}
	}
	if err := s.Etcd.WaitReady(ctx); err != nil {
		return err
	}
	changed, err := s.reconcileBootstrap(ctx)
	if err != nil || !changed {
		return err
	}
	// etcd trusts the authority it was started with; the cluster's own has just come out of it.
	slog.Info("starting etcd again with the cluster's own authority")
	s.Etcd.Stop()
	if err := s.Etcd.Start(group, ""); err != nil {
		return err
	}
	return s.Etcd.WaitReady(ctx)
}

func (s *Server) ensureFiles() error {
	if err := s.Files.EnsureServer(s.Options, apiServerURL()); err != nil {
		return err
	}
	return s.ensureEncryption()
}

// becomeVoter asks an older server to promote this one's member, which a start that was interrupted may have left out.
func (s *Server) becomeVoter(ctx context.Context) error {
	slog.Info("waiting for this server to become a voting etcd member")
	err := retry(ctx, "etcd member promotion", func() error {
		client, err := supervisor.Connect(ctx, s.Options.Server, s.Options.Token, "server")
		if err != nil {
			return err
		}
		name, err := s.Etcd.Name()
		if err != nil {
			return err
		}
		return client.JSON(ctx, http.MethodPost, supervisor.PathEtcdPromote, supervisor.EtcdMember{Name: name, PeerURL: s.Etcd.PeerURL()}, nil)
	})
	if err != nil {
		return err
	}
	return s.Etcd.SetLearner(false)
}

func (s *Server) startAPI(ctx context.Context, group *process.Group) error {
	o := s.Options
	group.Keep(process.Child{
		Name: "kube-apiserver", Args: process.Fixed(apiServerArguments(o, s.Files, s.Etcd)...),
		// By itself it waits up to a minute for those who watch; k3s, one process, ends without that.
		Grace: 2 * time.Second,
	})
	config, err := clientcmd.BuildConfigFromFlags("", s.Files.Path("../cred/supervisor.kubeconfig"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	s.Admin = config
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	endpoint := &supervisor.Server{
		Options: o, Files: s.Files, Etcd: s.Etcd, Kubernetes: client, Config: NodeConfig(o),
		APIServer: fmt.Sprintf("127.0.0.1:%d", APIServerPort), Ready: s.ready.Load, Rotate: s.rotate, Replace: s.replaceAuthorities,
		ServerToken: func() string { server, _ := s.Tokens(); return server },
		AgentToken:  func() string { _, agent := s.Tokens(); return agent },
	}
	if err := endpoint.Listen(ctx); err != nil {
		return err
	}
	if err := waitReadyz(ctx, client); err != nil {
		return err
	}
	s.ready.Store(true)
	// Both end at once when they start before the API server has made its own roles, so they start after it is ready.
	group.Keep(process.Child{Name: "kube-controller-manager", Args: process.Fixed(controllerManagerArguments(o, s.Files)...)})
	if !o.DisableScheduler {
		group.Keep(process.Child{Name: "kube-scheduler", Args: process.Fixed(schedulerArguments(o, s.Files)...)})
	}
	return nil
}

func waitReadyz(ctx context.Context, client kubernetes.Interface) error {
	began, said := time.Now(), time.Now()
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(attempt)
		cancel()
		if err == nil {
			slog.Info("kube-apiserver is ready", "seconds", int(time.Since(began).Seconds()))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			slog.Info("waiting for kube-apiserver", "seconds", int(time.Since(began).Seconds()), "last", firstLine(err.Error()))
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// NodeConfig is what nodes are told of a cluster with these settings.
func NodeConfig(o *options.Options) supervisor.NodeConfig {
	return supervisor.NodeConfig{
		ClusterCIDR: o.ClusterCIDR, ServiceCIDR: o.ServiceCIDR, ClusterDNS: o.ClusterDNS, ClusterDomain: o.ClusterDomain,
		FlannelBackend: o.FlannelBackend, DisableKubeProxy: o.DisableKubeProxy, DisableNetworkPolicy: o.DisableNetworkPolicy, SecretsEncrypted: o.SecretsEncrypted,
		HTTPSPort: o.HTTPSPort, Version: version.Get().GitVersion,
	}
}

// join fetches what all servers share and asks for a place in the datastore.
func (s *Server) join(ctx context.Context) (string, error) {
	o := s.Options
	joined := supervisor.EtcdJoined{}
	err := retry(ctx, "joining "+o.Server, func() error {
		client, err := supervisor.Connect(ctx, o.Server, o.Token, "server")
		if err != nil {
			return err
		}
		theirs, err := client.Config(ctx)
		if err != nil {
			return err
		}
		if differences := NodeConfig(o).Differences(theirs); len(differences) > 0 {
			return &supervisor.Refused{Text: "critical configuration value mismatch between servers: " + strings.Join(differences, ", ") + "; set them as on " + o.Server}
		}
		files := map[string][]byte{}
		if err := client.JSON(ctx, http.MethodGet, supervisor.PathBootstrap, nil, &files); err != nil {
			return err
		}
		if err := s.Files.WriteShared(files); err != nil {
			return err
		}
		name, err := s.Etcd.Name()
		if err != nil {
			return err
		}
		if err := client.JSON(ctx, http.MethodPost, supervisor.PathEtcdJoin, supervisor.EtcdMember{Name: name, PeerURL: s.Etcd.PeerURL()}, &joined); err != nil {
			return err
		}
		return s.Etcd.SetLearner(true)
	})
	return joined.InitialCluster, err
}

// retry tries until it works; a refusal ends it.
func retry(ctx context.Context, what string, try func() error) error {
	said := ""
	for {
		err := try()
		if err == nil || supervisor.IsRefused(err) {
			return err
		}
		if text := firstLine(err.Error()); text != said {
			said = text
			slog.Info("not yet, trying again", "what", what, "last", text)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(2 * time.Second):
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

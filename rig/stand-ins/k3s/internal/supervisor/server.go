package supervisor

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
)

// Server is the endpoint of one k3s server.
type Server struct {
	Options *options.Options
	Files   credentials.ServerFiles
	Config  NodeConfig
	Etcd    *datastore.Etcd
	// Kubernetes is this server's client; it works once the API server does.
	Kubernetes kubernetes.Interface
	// APIServer is host:port of this server's API server.
	APIServer string
	// Tokens are read at each request, so that a rotation needs no restart.
	ServerToken, AgentToken func() string
	// Rotate stores another server token.
	Rotate func(ctx context.Context, newToken string) error
	// Replace stores other authorities; servers take them at their next start.
	Replace func(ctx context.Context, staged map[string][]byte, force bool) error
	// Ready says whether the API server answers.
	Ready func() bool
}

const maxBody = 1 << 20

// Listen serves until the context ends.
func (s *Server) Listen(ctx context.Context) error {
	clientCA, err := os.ReadFile(s.Files.Path("client-ca.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(clientCA)
	proxy, err := s.proxy()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.Options.BindAddress, strconv.Itoa(s.Options.HTTPSPort)))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: s.routes(proxy), ReadHeaderTimeout: 20 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				pair, err := tls.LoadX509KeyPair(s.Files.Path("serving-kube-apiserver.crt"), s.Files.Path("serving-kube-apiserver.key"))
				return &pair, err
			},
		},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the supervisor's listener ended", "error", err.Error())
		}
	}()
	return nil
}

func (s *Server) routes(proxy http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathPing, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "pong")
	})
	mux.HandleFunc("GET "+PathCACerts, s.file("server-ca.crt"))
	mux.HandleFunc("GET "+PathConfig, s.node(func(w http.ResponseWriter, _ *http.Request) error { return answer(w, s.Config) }))
	mux.HandleFunc("GET "+PathClientCA, s.node(func(w http.ResponseWriter, r *http.Request) error {
		s.file("client-ca.crt")(w, r)
		return nil
	}))
	mux.HandleFunc("POST "+PathKubeletClient, s.node(s.signNode("client-ca", func(name string, _ *http.Request) credentials.Leaf {
		return credentials.Leaf{Name: "system:node:" + name, Groups: []string{"system:nodes"}, Client: true}
	})))
	mux.HandleFunc("POST "+PathKubeletServer, s.node(s.signNode("server-ca", func(name string, r *http.Request) credentials.Leaf {
		return credentials.Leaf{Name: name, Server: true, Hosts: []string{name, "localhost", "127.0.0.1", r.Header.Get(HeaderNodeIP)}}
	})))
	mux.HandleFunc("POST "+PathProxyClient, s.node(s.signNode("client-ca", func(string, *http.Request) credentials.Leaf {
		return credentials.Leaf{Name: "system:kube-proxy", Client: true}
	})))
	mux.HandleFunc("POST "+PathController, s.node(s.signNode("client-ca", func(string, *http.Request) credentials.Leaf {
		return credentials.Leaf{Name: "system:k3s-controller", Client: true}
	})))
	mux.HandleFunc("GET "+PathServers, s.node(s.servers))
	mux.HandleFunc("GET "+PathBootstrap, s.server(s.bootstrap))
	mux.HandleFunc("POST "+PathEtcdJoin, s.server(s.etcdJoin))
	mux.HandleFunc("POST "+PathEtcdPromote, s.server(s.etcdPromote))
	mux.HandleFunc("PUT "+PathToken, s.server(s.changeToken))
	mux.HandleFunc("PUT "+PathReplaceCA, s.server(s.replaceAuthorities))
	mux.Handle("/", proxy)
	return mux
}

func (s *Server) file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := os.ReadFile(s.Files.Path(name))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(content)
	}
}

// refusal is an answer with a status of its own.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

type handler func(http.ResponseWriter, *http.Request) error

// node lets nodes and servers in, server only servers. A node may also show the certificate it was given.
func (s *Server) node(next handler) http.HandlerFunc {
	return s.guard(next, func(r *http.Request) bool {
		return s.isServer(r) || matches(r, "node", s.AgentToken()) || matches(r, "node", s.ServerToken()) || isNodeCertificate(r)
	})
}

func (s *Server) server(next handler) http.HandlerFunc { return s.guard(next, s.isServer) }

func (s *Server) isServer(r *http.Request) bool { return matches(r, "server", s.ServerToken()) }

func (s *Server) guard(next handler, allowed func(*http.Request) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r) {
			http.Error(w, "token is not valid for this cluster", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := next(w, r); err != nil {
			status := http.StatusInternalServerError
			var refused refusal
			if errors.As(err, &refused) {
				status = refused.status
			}
			http.Error(w, err.Error(), status)
		}
	}
}

func matches(r *http.Request, user, password string) bool {
	givenUser, givenPassword, ok := r.BasicAuth()
	return ok && password != "" && givenUser == user && subtle.ConstantTimeCompare([]byte(givenPassword), []byte(password)) == 1
}

func isNodeCertificate(r *http.Request) bool {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || r.Method != http.MethodGet {
		return false
	}
	groups := r.TLS.PeerCertificates[0].Subject.Organization
	return len(groups) == 1 && groups[0] == "system:nodes"
}

func (s *Server) signNode(authority string, leaf func(string, *http.Request) credentials.Leaf) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		name := r.Header.Get(HeaderNodeName)
		if name == "" {
			return refusal{http.StatusBadRequest, "node name not set"}
		}
		if err := s.checkNodePassword(r.Context(), name, r.Header.Get(HeaderNodePassword)); err != nil {
			return err
		}
		request, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		signer, err := credentials.LoadAuthority(s.Files.Path(authority))
		if err != nil {
			return err
		}
		certificate, err := signer.SignRequest(request, leaf(name, r))
		if err != nil {
			return refusal{http.StatusBadRequest, err.Error()}
		}
		_, err = w.Write(certificate)
		return err
	}
}

func (s *Server) bootstrap(w http.ResponseWriter, _ *http.Request) error {
	if !s.Options.HighlyAvailable() {
		return refusal{http.StatusServiceUnavailable, "this server's datastore is its own: other servers can join only after it was started with cluster-init"}
	}
	files, err := s.Files.ReadShared()
	if err != nil {
		return err
	}
	return answer(w, files)
}

func (s *Server) etcdJoin(w http.ResponseWriter, r *http.Request) error {
	var member EtcdMember
	if err := json.NewDecoder(r.Body).Decode(&member); err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	if !s.Ready() {
		return refusal{http.StatusServiceUnavailable, "this server is not ready yet"}
	}
	joined, err := s.Etcd.AddLearner(r.Context(), member.Name, member.PeerURL)
	if err != nil {
		return err
	}
	return answer(w, EtcdJoined{InitialCluster: joined})
}

func (s *Server) etcdPromote(_ http.ResponseWriter, r *http.Request) error {
	var member EtcdMember
	if err := json.NewDecoder(r.Body).Decode(&member); err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	return s.Etcd.Promote(r.Context(), member.PeerURL)
}

func (s *Server) changeToken(_ http.ResponseWriter, r *http.Request) error {
	var change TokenChange
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil || change.NewToken == "" {
		return refusal{http.StatusBadRequest, "newToken must be given"}
	}
	return s.Rotate(r.Context(), change.NewToken)
}

func (s *Server) replaceAuthorities(w http.ResponseWriter, r *http.Request) error {
	staged := map[string][]byte{}
	if err := json.NewDecoder(r.Body).Decode(&staged); err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	force, _ := strconv.ParseBool(r.URL.Query().Get("force"))
	if err := s.Replace(r.Context(), staged, force); err != nil {
		return err
	}
	slog.Info("certificate: Cluster Certificate Authority data has been updated, k3s must be restarted.")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func answer(w http.ResponseWriter, value any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(value)
}

package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
	"homelab/k3s/internal/supervisor"
)

const passwordFile = "/etc/rancher/node/password"

// Node is this machine as a member of the cluster.
type Node struct {
	options *options.Options
	group   *process.Group
	config  supervisor.NodeConfig
	// kubelet is a client with the kubelet's own rights.
	kubelet kubernetes.Interface
}

// Join is where a node gets its certificates and reaches the API server.
type Join struct {
	// Supervisor is a server's URL, Token what it accepts.
	Supervisor, Token string
	// APIServer is "" when the node has to balance over the servers itself.
	APIServer string
}

// Start joins the cluster and returns when this node is Ready (or only registered, when its network comes from elsewhere).
func Start(ctx context.Context, o *options.Options, join Join, group *process.Group) error {
	n := &Node{options: o, group: group}
	if err := n.prepareMachine(); err != nil {
		return err
	}
	client, err := n.connect(ctx, join)
	if err != nil {
		return err
	}
	if err := n.startContainerd(ctx); err != nil {
		return err
	}
	if err := n.importImages(ctx); err != nil {
		return err
	}
	apiServer := join.APIServer
	if apiServer == "" {
		first, err := url.Parse(join.Supervisor)
		if err != nil {
			return err
		}
		port := or(first.Port(), "443")
		balancer := newBalancer(fmt.Sprintf("127.0.0.1:%d", o.LBPort), net.JoinHostPort(first.Hostname(), port))
		if err := balancer.listen(ctx); err != nil {
			return err
		}
		apiServer = fmt.Sprintf("https://127.0.0.1:%d", o.LBPort)
		defer n.followServers(ctx, balancer, apiServer)
	}
	if err := n.fetchCertificates(ctx, client, apiServer); err != nil {
		return err
	}
	if err := n.startPrograms(); err != nil {
		return err
	}
	kubeconfig, err := clientcmd.BuildConfigFromFlags("", n.agentDir("kubelet.kubeconfig"))
	if err != nil {
		return err
	}
	if n.kubelet, err = kubernetes.NewForConfig(kubeconfig); err != nil {
		return err
	}
	if n.config.FlannelBackend != "none" {
		if err := n.startNetwork(ctx); err != nil {
			return err
		}
		if err := n.startPolicies(ctx); err != nil {
			return err
		}
	}
	return n.waitReady(ctx)
}

// connect retries while no server answers or is ready; a wrong token or password ends it.
func (n *Node) connect(ctx context.Context, join Join) (*supervisor.Client, error) {
	var client *supervisor.Client
	err := n.retry(ctx, "connecting to "+join.Supervisor, func() error {
		var err error
		if client, err = supervisor.Connect(ctx, join.Supervisor, join.Token, "node"); err != nil {
			return err
		}
		n.config, err = client.Config(ctx)
		return err
	})
	return client, err
}

func (n *Node) fetchCertificates(ctx context.Context, client *supervisor.Client, apiServer string) error {
	password, err := nodePassword()
	if err != nil {
		return err
	}
	if err := credentials.WriteFile(n.agentDir("server-ca.crt"), client.CA, 0o600); err != nil {
		return err
	}
	header := http.Header{}
	for name, value := range map[string]string{
		supervisor.HeaderNodeName: n.options.NodeName, supervisor.HeaderNodePassword: password, supervisor.HeaderNodeIP: n.options.NodeIP,
	} {
		header.Set(name, value)
	}
	for _, wanted := range []struct{ path, file string }{
		{supervisor.PathKubeletClient, "client-kubelet"}, {supervisor.PathKubeletServer, "serving-kubelet"}, {supervisor.PathProxyClient, "client-kube-proxy"},
		{supervisor.PathController, "client-k3s-controller"},
	} {
		key, err := credentials.EnsureKey(n.agentDir(wanted.file + ".key"))
		if err != nil {
			return err
		}
		request, err := credentials.Request(key)
		if err != nil {
			return err
		}
		err = n.retry(ctx, "certificate "+wanted.file, func() error {
			certificate, err := client.Do(ctx, http.MethodPost, wanted.path, header.Clone(), request)
			if err != nil {
				return err
			}
			return credentials.WriteFile(n.agentDir(wanted.file+".crt"), certificate, 0o600)
		})
		if supervisor.IsRefused(err) && strings.Contains(err.Error(), "unable to verify password") {
			return fmt.Errorf("%w. Node password rejected, duplicate hostname or contents of '%s' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag", err, passwordFile)
		}
		if err != nil {
			return err
		}
	}
	ca, err := client.Do(ctx, http.MethodGet, supervisor.PathClientCA, nil, nil)
	if err != nil {
		return err
	}
	if err := credentials.WriteFile(n.agentDir("client-ca.crt"), ca, 0o600); err != nil {
		return err
	}
	for file, certificate := range map[string]string{
		"kubelet.kubeconfig": "client-kubelet", "kubeproxy.kubeconfig": "client-kube-proxy", "k3scontroller.kubeconfig": "client-k3s-controller",
	} {
		if err := credentials.WriteKubeconfig(n.agentDir(file), apiServer, n.agentDir("server-ca.crt"), n.agentDir(certificate)); err != nil {
			return err
		}
	}
	return nil
}

// nodePassword is made once a machine; a reinstalled machine has another, which its old node name refuses.
func nodePassword() (string, error) {
	if content, err := os.ReadFile(passwordFile); err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	password := credentials.RandomSecret()
	return password, credentials.WriteFile(passwordFile, []byte(password+"\n"), 0o600)
}

func (n *Node) waitReady(ctx context.Context) error {
	// After a restart the node is Ready by what its last kubelet said; this one's word is waited for.
	said, since := time.Now(), time.Now().Truncate(time.Second)
	for {
		node, err := n.kubelet.CoreV1().Nodes().Get(ctx, n.options.NodeName, meta.GetOptions{})
		if err == nil && (n.config.FlannelBackend == "none" || isReady(node, since)) {
			slog.Info("node is ready", "name", node.Name)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(said) > 15*time.Second {
			said = time.Now()
			slog.Info("waiting for this node to be Ready", "name", n.options.NodeName, "reason", notReadyReason(node, err))
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (n *Node) retry(ctx context.Context, what string, try func() error) error {
	said := ""
	for {
		err := try()
		if err == nil || supervisor.IsRefused(err) {
			return err
		}
		if text := strings.SplitN(err.Error(), "\n", 2)[0]; text != said {
			said = text
			slog.Info("not yet, trying again", "what", what, "last", text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

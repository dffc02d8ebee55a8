package credentials

import (
	"os"
	"path/filepath"
	"slices"

	"homelab/k3s/internal/options"
)

// ServerFiles is the layout of k3s's server/tls folder.
type ServerFiles struct {
	Dir string
	// Long and agent token files beside it.
	TokenFile, AgentTokenFile string
}

// Files is the layout below a data folder.
func Files(dataDir string) ServerFiles {
	return ServerFiles{
		Dir:       filepath.Join(dataDir, "server/tls"),
		TokenFile: filepath.Join(dataDir, "server/token"), AgentTokenFile: filepath.Join(dataDir, "server/agent-token"),
	}
}

// Path is a file of the folder.
func (f ServerFiles) Path(name string) string { return filepath.Join(f.Dir, name) }

// Shared are the files that every server of a cluster must have alike: what a joining server is given and what the
// datastore keeps, encrypted with the token.
var Shared = []string{
	"server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key", "request-header-ca.crt", "request-header-ca.key",
	"etcd/server-ca.crt", "etcd/server-ca.key", "etcd/peer-ca.crt", "etcd/peer-ca.key", "service.key",
	"../cred/encryption-config.json",
}

// authorities by file name (without suffix) and the name in their subject.
var authorities = []struct{ file, name string }{
	{"server-ca", "server-ca"}, {"client-ca", "client-ca"}, {"request-header-ca", "request-header-ca"},
	{"etcd/server-ca", "etcd-server-ca"}, {"etcd/peer-ca", "etcd-peer-ca"},
}

// leaves of a server, by file name; the kubeconfig, where there is one, lies in server/cred.
var leaves = []struct {
	file, authority string
	leaf            Leaf
	kubeconfig      string
}{
	{"client-admin", "client-ca", Leaf{Name: "system:admin", Groups: []string{"system:masters"}, Client: true}, "admin.kubeconfig"},
	{"client-controller", "client-ca", Leaf{Name: "system:kube-controller-manager", Client: true}, "controller.kubeconfig"},
	{"client-scheduler", "client-ca", Leaf{Name: "system:kube-scheduler", Client: true}, "scheduler.kubeconfig"},
	{"client-supervisor", "client-ca", Leaf{Name: "system:k3s-supervisor", Groups: []string{"system:masters"}, Client: true}, "supervisor.kubeconfig"},
	{"client-kube-apiserver", "client-ca", Leaf{Name: "system:apiserver", Groups: []string{"system:masters"}, Client: true}, ""},
	{"client-auth-proxy", "request-header-ca", Leaf{Name: "system:auth-proxy", Client: true}, ""},
	{"etcd/client", "etcd/server-ca", Leaf{Name: "etcd-client", Client: true}, ""},
}

// SigningClientCA is the authority of clients without what it is signed by.
const SigningClientCA = "client-ca.nochain.crt"

// EnsureServer makes everything a server needs that is not there yet. apiserver is the address of its own apiserver.
func (f ServerFiles) EnsureServer(o *options.Options, apiserver string) error {
	if err := os.MkdirAll(filepath.Join(f.Dir, "etcd"), 0o700); err != nil {
		return err
	}
	signers := map[string]*Authority{}
	for _, a := range authorities {
		authority, err := EnsureAuthority(f.Path(a.file), a.name)
		if err != nil {
			return err
		}
		signers[a.file] = authority
	}
	// The controller manager signs with one certificate and takes no bundle.
	if err := WriteFile(f.Path(SigningClientCA), encode("CERTIFICATE", signers["client-ca"].Certificate.Raw), 0o644); err != nil {
		return err
	}
	if _, err := EnsureKey(f.Path("service.key")); err != nil {
		return err
	}
	for _, l := range leaves {
		if err := signers[l.authority].Ensure(f.Path(l.file), l.leaf); err != nil {
			return err
		}
		if l.kubeconfig != "" {
			if err := WriteKubeconfig(f.Path("../cred/"+l.kubeconfig), apiserver, f.Path("server-ca.crt"), f.Path(l.file)); err != nil {
				return err
			}
		}
	}
	hosts := servingHosts(o)
	if err := signers["server-ca"].Ensure(f.Path("serving-kube-apiserver"), Leaf{Name: "kube-apiserver", Server: true, Hosts: hosts}); err != nil {
		return err
	}
	etcd := unique("localhost", "127.0.0.1", o.NodeName, o.NodeIP)
	if err := signers["etcd/server-ca"].Ensure(f.Path("etcd/server-client"), Leaf{Name: "etcd-server", Server: true, Client: true, Hosts: etcd}); err != nil {
		return err
	}
	return signers["etcd/peer-ca"].Ensure(f.Path("etcd/peer-server-client"), Leaf{Name: "etcd-peer", Server: true, Client: true, Hosts: etcd})
}

func servingHosts(o *options.Options) []string {
	return unique(append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + o.ClusterDomain, "localhost", "127.0.0.1",
		o.ServiceIP(), o.NodeName, o.NodeIP, o.AdvertiseAddress, o.NodeExternalIP,
	}, o.TLSSans...)...)
}

func unique(all ...string) []string {
	var out []string
	for _, entry := range all {
		if entry != "" && !slices.Contains(out, entry) {
			out = append(out, entry)
		}
	}
	return out
}

// Package supervisor is k3s's own HTTPS endpoint: joining nodes get certificates and settings there, and everything
// else on the port goes to the API server.
package supervisor

// Paths of the endpoint. The first two need no credentials.
const (
	PathPing          = "/ping"
	PathCACerts       = "/cacerts"
	PathConfig        = "/v1-k3s/config"
	PathClientCA      = "/v1-k3s/client-ca.crt"
	PathKubeletClient = "/v1-k3s/client-kubelet.crt"
	PathKubeletServer = "/v1-k3s/serving-kubelet.crt"
	PathProxyClient   = "/v1-k3s/client-kube-proxy.crt"
	PathController    = "/v1-k3s/client-k3s-controller.crt"
	PathServers       = "/v1-k3s/apiservers"
	PathBootstrap     = "/v1-k3s/server-bootstrap"
	PathEtcdJoin      = "/v1-k3s/etcd-join"
	PathEtcdPromote   = "/v1-k3s/etcd-promote"
	PathToken         = "/v1-k3s/token"
	PathReplaceCA     = "/v1-k3s/cert/cacerts"
)

// Headers with which a node says who it is when it asks for certificates.
const (
	HeaderNodeName     = "k3s-Node-Name"
	HeaderNodePassword = "k3s-Node-Password"
	HeaderNodeIP       = "k3s-Node-IP"
)

// NodeConfig is what a node must know of the cluster.
type NodeConfig struct {
	ClusterCIDR          string `json:"clusterCIDR"`
	ServiceCIDR          string `json:"serviceCIDR"`
	ClusterDNS           string `json:"clusterDNS"`
	ClusterDomain        string `json:"clusterDomain"`
	FlannelBackend       string `json:"flannelBackend"`
	DisableKubeProxy     bool   `json:"disableKubeProxy"`
	DisableNetworkPolicy bool   `json:"disableNetworkPolicy"`
	SecretsEncrypted     bool   `json:"secretsEncrypted"`
	HTTPSPort            int    `json:"httpsPort"`
	Version              string `json:"version"`
}

// Differences names the settings that must be alike on all servers and are not.
func (c NodeConfig) Differences(other NodeConfig) []string {
	var out []string
	for _, pair := range []struct {
		name string
		same bool
	}{
		{"cluster-cidr", c.ClusterCIDR == other.ClusterCIDR}, {"service-cidr", c.ServiceCIDR == other.ServiceCIDR},
		{"cluster-dns", c.ClusterDNS == other.ClusterDNS}, {"cluster-domain", c.ClusterDomain == other.ClusterDomain},
		{"flannel-backend", c.FlannelBackend == other.FlannelBackend}, {"disable-kube-proxy", c.DisableKubeProxy == other.DisableKubeProxy},
		{"disable-network-policy", c.DisableNetworkPolicy == other.DisableNetworkPolicy},
		{"secrets-encryption", c.SecretsEncrypted == other.SecretsEncrypted},
	} {
		if !pair.same {
			out = append(out, pair.name)
		}
	}
	return out
}

// EtcdMember is a server that wants to join the datastore.
type EtcdMember struct {
	Name    string `json:"name"`
	PeerURL string `json:"peerURL"`
}

// EtcdJoined is the answer: etcd's --initial-cluster.
type EtcdJoined struct {
	InitialCluster string `json:"initialCluster"`
}

// TokenChange asks for another server token.
type TokenChange struct {
	NewToken string `json:"newToken"`
}

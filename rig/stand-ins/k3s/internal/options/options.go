package options

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultConfigFile is read when it is there; another is named by --config or K3S_CONFIG_FILE.
const DefaultConfigFile = "/etc/rancher/k3s/config.yaml"

// Options are the settings of one k3s process, complete with defaults and checked.
type Options struct {
	Role    Role
	DataDir string
	Debug   bool
	V       int

	// Server is the address to join, "" for a server that starts or is the cluster.
	Server     string
	Token      string
	AgentToken string

	NodeName       string
	NodeIP         string
	NodeExternalIP string
	NodeLabels     []string
	NodeTaints     []string
	FlannelIface   string

	ClusterInit          bool
	ClusterReset         bool
	RestorePath          string
	DatastoreURL         string
	DatastoreCA          string
	DatastoreCert        string
	DatastoreKey         string
	ClusterCIDR          string
	ServiceCIDR          string
	ClusterDNS           string
	ClusterDomain        string
	NodePortRange        string
	AdvertiseAddress     string
	BindAddress          string
	HTTPSPort            int
	TLSSans              []string
	Disable              []string
	DisableKubeProxy     bool
	DisableNetworkPolicy bool
	DisableScheduler     bool
	FlannelBackend       string
	SecretsEncrypted     bool
	LocalStoragePath     string
	Kubeconfig           string
	KubeconfigMode       string
	KubeconfigGroup      string

	EtcdArgs              []string
	EtcdExposeMetrics     bool
	SnapshotsDisabled     bool
	SnapshotCompress      bool
	SnapshotDir           string
	SnapshotName          string
	SnapshotRetention     int
	SnapshotCron          string
	APIServerArgs         []string
	ControllerManagerArgs []string
	SchedulerArgs         []string

	LBPort                 int
	KubeletArgs            []string
	KubeProxyArgs          []string
	PauseImage             string
	PrivateRegistry        string
	ProtectKernelDefaults  bool
	ResolvConf             string
	Snapshotter            string
	CredentialProviderBin  string
	CredentialProviderConf string

	// Notes are things the stand-in does in another way than k3s with these settings, to be logged at start.
	Notes []string
}

// Load reads, completes and checks the settings of `k3s <role> <arguments>`.
func Load(role Role, arguments []string) (*Options, error) {
	v, err := read(role, arguments, os.Getenv)
	if err != nil {
		return nil, err
	}
	return build(role, v)
}

func build(role Role, v values) (*Options, error) {
	dataDir := v.text("data-dir", "/var/lib/rancher/k3s")
	o := &Options{
		Role: role, DataDir: dataDir, Debug: v.flag("debug"), V: v.number("v", 0),
		Server:   strings.TrimSuffix(v.text("server", ""), "/"),
		NodeName: strings.ToLower(v.text("node-name", "")), NodeIP: first(v.list("node-ip")), NodeExternalIP: first(v.list("node-external-ip")),
		NodeLabels: v.list("node-label"), NodeTaints: v.list("node-taint"), FlannelIface: v.text("flannel-iface", ""),
		ClusterInit: v.flag("cluster-init"), ClusterReset: v.flag("cluster-reset"), RestorePath: v.text("cluster-reset-restore-path", ""),
		DatastoreURL: v.text("datastore-endpoint", ""), DatastoreCA: v.text("datastore-cafile", ""),
		DatastoreCert: v.text("datastore-certfile", ""), DatastoreKey: v.text("datastore-keyfile", ""),
		ClusterCIDR: or(strings.Join(v.list("cluster-cidr"), ","), "10.42.0.0/16"), ServiceCIDR: or(strings.Join(v.list("service-cidr"), ","), "10.43.0.0/16"),
		ClusterDNS: first(v.list("cluster-dns")), ClusterDomain: v.text("cluster-domain", "cluster.local"),
		NodePortRange: v.text("service-node-port-range", "30000-32767"), AdvertiseAddress: v.text("advertise-address", ""),
		BindAddress: v.text("bind-address", "0.0.0.0"), HTTPSPort: v.number("https-listen-port", 6443), TLSSans: v.list("tls-san"),
		Disable: v.list("disable"), DisableKubeProxy: v.flag("disable-kube-proxy"), DisableNetworkPolicy: v.flag("disable-network-policy"), DisableScheduler: v.flag("disable-scheduler"),
		FlannelBackend: v.text("flannel-backend", "vxlan"), SecretsEncrypted: v.flag("secrets-encryption"),
		LocalStoragePath: v.text("default-local-storage-path", filepath.Join(dataDir, "storage")),
		Kubeconfig:       v.text("write-kubeconfig", "/etc/rancher/k3s/k3s.yaml"), KubeconfigMode: v.text("write-kubeconfig-mode", "600"),
		KubeconfigGroup: v.text("write-kubeconfig-group", ""),
		EtcdArgs:        v.list("etcd-arg"), EtcdExposeMetrics: v.flag("etcd-expose-metrics"), SnapshotsDisabled: v.flag("etcd-disable-snapshots"),
		SnapshotCompress: v.flag("etcd-snapshot-compress"), SnapshotDir: v.text("etcd-snapshot-dir", filepath.Join(dataDir, "server/db/snapshots")),
		SnapshotName: v.text("etcd-snapshot-name", "etcd-snapshot"), SnapshotRetention: v.number("etcd-snapshot-retention", 5),
		SnapshotCron:  v.text("etcd-snapshot-schedule-cron", "0 */12 * * *"),
		APIServerArgs: v.list("kube-apiserver-arg"), ControllerManagerArgs: v.list("kube-controller-manager-arg"), SchedulerArgs: v.list("kube-scheduler-arg"),
		LBPort: v.number("lb-server-port", 6444), KubeletArgs: v.list("kubelet-arg"), KubeProxyArgs: v.list("kube-proxy-arg"),
		PauseImage: v.text("pause-image", ""), PrivateRegistry: v.text("private-registry", "/etc/rancher/k3s/registries.yaml"),
		ProtectKernelDefaults: v.flag("protect-kernel-defaults"), ResolvConf: v.text("resolv-conf", ""),
		Snapshotter:           v.text("snapshotter", "overlayfs"),
		CredentialProviderBin: v.text("image-credential-provider-bin-dir", ""), CredentialProviderConf: v.text("image-credential-provider-config", ""),
	}
	var err error
	if o.Token, err = secret(v, "token", "token-file"); err != nil {
		return nil, err
	}
	if o.AgentToken, err = secret(v, "agent-token", "agent-token-file"); err != nil {
		return nil, err
	}
	if err := o.complete(v.flag("with-node-id")); err != nil {
		return nil, err
	}
	return o, o.check()
}

func secret(v values, name, file string) (string, error) {
	if value := v.text(name, ""); value != "" {
		return strings.TrimSpace(value), nil
	}
	path := v.text(file, "")
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", file, err)
	}
	return strings.TrimSpace(string(content)), nil
}

func (o *Options) complete(withID bool) error {
	if o.NodeName == "" {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		o.NodeName = strings.ToLower(strings.SplitN(name, ".", 2)[0])
	}
	if withID {
		id, err := nodeID("/etc/rancher/node/id")
		if err != nil {
			return err
		}
		o.NodeName += "-" + id
	}
	if o.NodeIP == "" {
		ip, err := ownAddress(o.FlannelIface)
		if err != nil {
			return err
		}
		o.NodeIP = ip
	}
	if o.AdvertiseAddress == "" {
		o.AdvertiseAddress = o.NodeIP
	}
	if o.ClusterDNS == "" {
		o.ClusterDNS = nth(o.ServiceCIDR, 10)
	}
	return nil
}

func (o *Options) check() error {
	for _, cidr := range []struct{ name, value string }{{"cluster-cidr", o.ClusterCIDR}, {"service-cidr", o.ServiceCIDR}} {
		_, network, err := net.ParseCIDR(cidr.value)
		if err != nil || network.IP.To4() == nil {
			return fmt.Errorf("%s: %q is not one IPv4 range; the k3s stand-in is IPv4 only", cidr.name, cidr.value)
		}
	}
	for _, address := range []struct{ name, value string }{{"node-ip", o.NodeIP}, {"cluster-dns", o.ClusterDNS}, {"advertise-address", o.AdvertiseAddress}} {
		if net.ParseIP(address.value).To4() == nil {
			return fmt.Errorf("%s: %q is not an IPv4 address", address.name, address.value)
		}
	}
	for _, item := range o.Disable {
		if !slices.Contains([]string{"coredns", "servicelb", "traefik", "local-storage", "metrics-server", "runtimes"}, item) {
			return fmt.Errorf("disable: %q is not a packaged component (coredns, servicelb, traefik, local-storage, metrics-server, runtimes)", item)
		}
	}
	switch o.FlannelBackend {
	case "none", "host-gw":
	case "vxlan":
		o.Notes = append(o.Notes, "flannel-backend vxlan: the stand-in routes between nodes without encapsulation (as host-gw does), so all nodes must share one network segment")
	case "wireguard-native":
		return fmt.Errorf("the k3s stand-in does not support flannel-backend wireguard-native; use vxlan, host-gw or none")
	default:
		return fmt.Errorf("flannel-backend: %q is unknown; use vxlan, host-gw or none", o.FlannelBackend)
	}
	if o.Snapshotter != "overlayfs" && o.Snapshotter != "native" {
		return fmt.Errorf("the k3s stand-in does not support snapshotter %q; use overlayfs or native", o.Snapshotter)
	}
	if o.Server != "" {
		if parsed, err := url.Parse(o.Server); err != nil || parsed.Scheme != "https" || parsed.Host == "" {
			return fmt.Errorf("server: %q is not a URL such as https://192.168.200.11:6443", o.Server)
		}
	}
	if o.Role == Agent {
		if o.Server == "" {
			return fmt.Errorf("--server is required")
		}
		if o.Token == "" {
			return fmt.Errorf("--token is required")
		}
		return nil
	}
	if o.Server != "" && o.Token == "" {
		return fmt.Errorf("--token is required to join %s", o.Server)
	}
	if o.RestorePath != "" && !o.ClusterReset {
		return fmt.Errorf("--cluster-reset-restore-path needs --cluster-reset")
	}
	if o.ClusterReset && o.Server != "" {
		return fmt.Errorf("--cluster-reset and --server exclude each other: remove server from the settings of this node first")
	}
	if o.DatastoreURL != "" && !strings.HasPrefix(o.DatastoreURL, "http://") && !strings.HasPrefix(o.DatastoreURL, "https://") {
		return fmt.Errorf("the k3s stand-in supports an external datastore-endpoint of etcd only (http:// or https://), not %q", strings.SplitN(o.DatastoreURL, ":", 2)[0])
	}
	return nil
}

// Enabled says whether a packaged component is wanted.
func (o *Options) Enabled(item string) bool { return !slices.Contains(o.Disable, item) }

// HighlyAvailable says that other servers may join: embedded etcd rather than a datastore of this server's own.
func (o *Options) HighlyAvailable() bool {
	return o.ClusterInit || o.Server != "" || o.DatastoreURL != ""
}

// ServiceIP is the address of the service "kubernetes".
func (o *Options) ServiceIP() string { return nth(o.ServiceCIDR, 1) }

func nth(cidr string, n byte) string {
	ip, network, err := net.ParseCIDR(cidr)
	if err != nil || ip.To4() == nil {
		return ""
	}
	out := slices.Clone(network.IP.To4())
	out[3] += n
	return out.String()
}

// ownAddress is the address this machine uses for its default route, else its first one that is not loopback.
func ownAddress(device string) (string, error) {
	if device == "" {
		// No packet is sent: connecting a datagram socket only asks the routing table.
		if probe, err := net.Dial("udp4", "198.51.100.1:9"); err == nil {
			defer probe.Close()
			return probe.LocalAddr().(*net.UDPAddr).IP.String(), nil
		}
	}
	devices, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, candidate := range devices {
		if (device != "" && candidate.Name != device) || candidate.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, _ := candidate.Addrs()
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil {
				return network.IP.String(), nil
			}
		}
	}
	return "", fmt.Errorf("this machine has no IPv4 address: set node-ip")
}

// nodeID is eight hexadecimal digits that stay with the machine.
func nodeID(path string) (string, error) {
	if content, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	id := hex.EncodeToString(random)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return id, os.WriteFile(path, []byte(id+"\n"), 0o644)
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

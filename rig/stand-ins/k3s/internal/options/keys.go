// Package options reads what k3s is told: command line, environment, /etc/rancher/k3s/config.yaml and its drop-ins.
package options

// kind is how a key's value is written.
type kind int

const (
	text kind = iota
	flag
	number
	list
)

// key is one setting as k3s names it, without dashes.
type key struct {
	kind kind
	// env is the variable that k3s reads for it, "" when there is none.
	env string
	// agent says that `k3s agent` has it as well; every key is a server's.
	agent bool
	// refused says why the stand-in cannot do what the key asks for; "" when it can.
	refused string
	// harmless lists the values that ask for nothing, allowed for a refused key.
	harmless []string
}

const (
	noVPN      = "it has no Tailscale integration"
	noS3       = "it keeps etcd snapshots in local files only; copy them from etcd-snapshot-dir"
	noRegistry = "it has no peer-to-peer registry"
	noFlannel  = "it routes pod networks itself (like host-gw) and has no flannel to configure"
	noRoles    = "each of its servers runs the whole control plane"
	noDNS      = "its nodes have addresses only"
	noLogFile  = "it logs to standard error, which systemd keeps in the journal"
)

// keys is every key that k3s accepts. One that is not here stops an agent at start; a server skips it in a file and stops for it on its
// command line.
var keys = map[string]key{
	"advertise-address":                 {kind: text},
	"advertise-port":                    {kind: number, refused: "it advertises https-listen-port", harmless: []string{"0", "6443"}},
	"agent-token":                       {kind: text, env: "K3S_AGENT_TOKEN"},
	"agent-token-file":                  {kind: text, env: "K3S_AGENT_TOKEN_FILE"},
	"airgap-extra-registry":             {kind: list, agent: true, refused: "its images are imported under the names they have"},
	"alsologtostderr":                   {kind: flag, agent: true},
	"bind-address":                      {kind: text, agent: true},
	"cluster-cidr":                      {kind: list},
	"cluster-dns":                       {kind: list},
	"cluster-domain":                    {kind: text},
	"cluster-init":                      {kind: flag, env: "K3S_CLUSTER_INIT"},
	"cluster-reset":                     {kind: flag, env: "K3S_CLUSTER_RESET"},
	"cluster-reset-restore-path":        {kind: text},
	"config":                            {kind: text, env: "K3S_CONFIG_FILE", agent: true},
	"container-runtime-endpoint":        {kind: text, agent: true, refused: "it runs its own containerd"},
	"data-dir":                          {kind: text, env: "K3S_DATA_DIR", agent: true},
	"datastore-cafile":                  {kind: text, env: "K3S_DATASTORE_CAFILE"},
	"datastore-certfile":                {kind: text, env: "K3S_DATASTORE_CERTFILE"},
	"datastore-endpoint":                {kind: text, env: "K3S_DATASTORE_ENDPOINT"},
	"datastore-keyfile":                 {kind: text, env: "K3S_DATASTORE_KEYFILE"},
	"debug":                             {kind: flag, env: "K3S_DEBUG", agent: true},
	"default-local-storage-path":        {kind: text},
	"default-runtime":                   {kind: text, agent: true, refused: "it has runc only", harmless: []string{"runc"}},
	"disable":                           {kind: list},
	"disable-apiserver":                 {kind: flag, refused: noRoles, harmless: []string{"false"}},
	"disable-apiserver-lb":              {kind: flag, agent: true, refused: "its agents find the API servers by their load balancer", harmless: []string{"false"}},
	"disable-cloud-controller":          {kind: flag},
	"disable-controller-manager":        {kind: flag, refused: noRoles, harmless: []string{"false"}},
	"disable-default-registry-endpoint": {kind: flag, agent: true},
	"disable-etcd":                      {kind: flag, refused: noRoles, harmless: []string{"false"}},
	"disable-helm-controller":           {kind: flag},
	"disable-kube-proxy":                {kind: flag},
	"disable-network-policy":            {kind: flag},
	"disable-scheduler":                 {kind: flag},
	"docker":                            {kind: flag, agent: true, refused: "it runs its own containerd", harmless: []string{"false"}},
	"egress-selector-mode":              {kind: text},
	"embedded-registry":                 {kind: flag, refused: noRegistry, harmless: []string{"false"}},
	"enable-pprof":                      {kind: flag, agent: true, refused: "it serves no profiles", harmless: []string{"false"}},
	"etcd-arg":                          {kind: list},
	"etcd-disable-snapshots":            {kind: flag},
	"etcd-expose-metrics":               {kind: flag},
	"etcd-s3":                           {kind: flag, refused: noS3, harmless: []string{"false"}},
	"etcd-s3-access-key":                {kind: text, env: "AWS_ACCESS_KEY_ID", refused: noS3},
	"etcd-s3-bucket":                    {kind: text, refused: noS3},
	"etcd-s3-bucket-lookup-type":        {kind: text, refused: noS3},
	"etcd-s3-config-secret":             {kind: text, refused: noS3},
	"etcd-s3-endpoint":                  {kind: text, refused: noS3},
	"etcd-s3-endpoint-ca":               {kind: text, refused: noS3},
	"etcd-s3-folder":                    {kind: text, refused: noS3},
	"etcd-s3-insecure":                  {kind: flag, refused: noS3, harmless: []string{"false"}},
	"etcd-s3-proxy":                     {kind: text, refused: noS3},
	"etcd-s3-region":                    {kind: text, refused: noS3},
	"etcd-s3-retention":                 {kind: number, refused: noS3},
	"etcd-s3-secret-key":                {kind: text, env: "AWS_SECRET_ACCESS_KEY", refused: noS3},
	"etcd-s3-session-token":             {kind: text, refused: noS3},
	"etcd-s3-skip-ssl-verify":           {kind: flag, refused: noS3, harmless: []string{"false"}},
	"etcd-s3-timeout":                   {kind: text, refused: noS3},
	"etcd-snapshot-compress":            {kind: flag},
	"etcd-snapshot-dir":                 {kind: text},
	"etcd-snapshot-name":                {kind: text},
	"etcd-snapshot-reconcile-interval":  {kind: text, refused: "it lists its snapshots by their files"},
	"etcd-snapshot-retention":           {kind: number},
	"etcd-snapshot-schedule-cron":       {kind: text},
	"flannel-backend":                   {kind: text},
	"flannel-cni-conf":                  {kind: text, agent: true, refused: noFlannel},
	"flannel-conf":                      {kind: text, agent: true, refused: noFlannel},
	"flannel-external-ip":               {kind: flag, refused: noFlannel, harmless: []string{"false"}},
	"flannel-iface":                     {kind: text, agent: true},
	"flannel-ipv6-masq":                 {kind: flag, refused: "it is IPv4 only", harmless: []string{"false"}},
	"helm-controller-arg":               {kind: list, refused: "it has no Helm controller"},
	"helm-job-image":                    {kind: text, refused: "it has no Helm controller"},
	"https-listen-port":                 {kind: number},
	"image-credential-provider-bin-dir": {kind: text, agent: true},
	"image-credential-provider-config":  {kind: text, agent: true},
	"image-service-endpoint":            {kind: text, agent: true, refused: "it pulls with containerd"},
	"kine-tls":                          {kind: flag, refused: "it has no kine", harmless: []string{"false"}},
	"kube-apiserver-arg":                {kind: list},
	"kube-cloud-controller-manager-arg": {kind: list, refused: "it has no cloud controller manager"},
	"kube-controller-manager-arg":       {kind: list},
	"kube-proxy-arg":                    {kind: list, agent: true},
	"kube-scheduler-arg":                {kind: list},
	"kubelet-arg":                       {kind: list, agent: true},
	"lb-server-port":                    {kind: number, env: "K3S_LB_SERVER_PORT", agent: true},
	"log":                               {kind: text, agent: true, refused: noLogFile},
	"node-external-dns":                 {kind: list, agent: true, refused: noDNS},
	"node-external-ip":                  {kind: list, env: "K3S_NODE_EXTERNAL_IP", agent: true},
	"node-internal-dns":                 {kind: list, agent: true, refused: noDNS},
	"node-ip":                           {kind: list, agent: true},
	"node-label":                        {kind: list, agent: true},
	"node-name":                         {kind: text, env: "K3S_NODE_NAME", agent: true},
	"node-taint":                        {kind: list, agent: true},
	"nonroot-devices":                   {kind: flag, agent: true, refused: "its containerd has no such setting", harmless: []string{"false"}},
	"pause-image":                       {kind: text, agent: true},
	"prefer-bundled-bin":                {kind: flag, agent: true, refused: "it runs the programs of the machine's distribution", harmless: []string{"false"}},
	"private-registry":                  {kind: text, agent: true},
	"protect-kernel-defaults":           {kind: flag, agent: true},
	"resolv-conf":                       {kind: text, env: "K3S_RESOLV_CONF", agent: true},
	"rootless":                          {kind: flag, agent: true, refused: "it runs as root only", harmless: []string{"false"}},
	"secrets-encryption":                {kind: flag},
	"secrets-encryption-provider":       {kind: text, refused: "it encrypts with aescbc", harmless: []string{"aescbc"}},
	"selinux":                           {kind: flag, env: "K3S_SELINUX", agent: true, refused: "it has no SELinux support", harmless: []string{"false"}},
	"server":                            {kind: text, env: "K3S_URL", agent: true},
	"service-cidr":                      {kind: list},
	"service-node-port-range":           {kind: text},
	"servicelb-namespace":               {kind: text, refused: "its service load balancer has no pods, so no namespace", harmless: []string{"kube-system"}},
	"snapshotter":                       {kind: text, agent: true},
	"supervisor-metrics":                {kind: flag, refused: "its supervisor serves no metrics", harmless: []string{"false"}},
	"system-default-registry":           {kind: text, refused: "its packaged images are imported under fixed names"},
	"tls-san":                           {kind: list},
	"tls-san-security":                  {kind: flag},
	"token":                             {kind: text, env: "K3S_TOKEN", agent: true},
	"token-file":                        {kind: text, env: "K3S_TOKEN_FILE", agent: true},
	"v":                                 {kind: number, agent: true},
	"vmodule":                           {kind: text, agent: true, refused: "use v, or the programs' own arguments"},
	"vpn-auth":                          {kind: text, env: "K3S_VPN_AUTH", agent: true, refused: noVPN},
	"vpn-auth-file":                     {kind: text, env: "K3S_VPN_AUTH_FILE", agent: true, refused: noVPN},
	"with-node-id":                      {kind: flag, agent: true},
	"write-kubeconfig":                  {kind: text, env: "K3S_KUBECONFIG_OUTPUT"},
	"write-kubeconfig-group":            {kind: text, env: "K3S_KUBECONFIG_GROUP"},
	"write-kubeconfig-mode":             {kind: text, env: "K3S_KUBECONFIG_MODE"},
}

// shorthand are k3s's one-letter flags.
var shorthand = map[string]string{"c": "config", "d": "data-dir", "s": "server", "t": "token", "l": "log", "o": "write-kubeconfig"}

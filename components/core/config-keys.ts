import type { MachineRole } from "./machine-access";

/**
 * What k3s takes in `config.yaml`: its long command-line flags, as of v1.36.3. An agent ends at start with a key it does not know; a
 * server skips it with a warning in its log. Neither is wanted, so no key is written that is not here.
 *
 * @see https://docs.k3s.io/cli/server
 * @see https://docs.k3s.io/cli/agent
 */
const both = `airgap-extra-registry alsologtostderr bind-address config container-runtime-endpoint data-dir debug default-runtime
  disable-default-registry-endpoint docker enable-pprof flannel-cni-conf flannel-conf flannel-iface image-credential-provider-bin-dir
  image-credential-provider-config image-service-endpoint kube-proxy-arg kubelet-arg lb-server-port log node-external-dns
  node-external-ip node-internal-dns node-ip node-label node-name node-taint nonroot-devices pause-image prefer-bundled-bin
  private-registry protect-kernel-defaults resolv-conf rootless selinux server snapshotter token token-file v vmodule vpn-auth
  vpn-auth-file with-node-id`;

const serverOnly = `advertise-address advertise-port agent-token agent-token-file cluster-cidr cluster-dns
  cluster-domain cluster-init cluster-reset cluster-reset-restore-path datastore-cafile datastore-certfile datastore-endpoint
  datastore-keyfile default-local-storage-path disable disable-apiserver disable-cloud-controller disable-controller-manager
  disable-etcd disable-helm-controller disable-kube-proxy disable-network-policy disable-scheduler egress-selector-mode
  embedded-registry etcd-arg etcd-disable-snapshots etcd-expose-metrics etcd-s3 etcd-s3-access-key etcd-s3-bucket
  etcd-s3-bucket-lookup-type etcd-s3-config-secret etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-folder etcd-s3-insecure
  etcd-s3-proxy etcd-s3-region etcd-s3-retention etcd-s3-secret-key etcd-s3-session-token etcd-s3-skip-ssl-verify etcd-s3-timeout
  etcd-snapshot-compress etcd-snapshot-dir etcd-snapshot-name etcd-snapshot-reconcile-interval etcd-snapshot-retention
  etcd-snapshot-schedule-cron flannel-backend flannel-external-ip flannel-ipv6-masq helm-controller-arg helm-job-image https-listen-port
  kine-tls kube-apiserver-arg kube-cloud-controller-manager-arg kube-controller-manager-arg kube-scheduler-arg secrets-encryption
  secrets-encryption-provider service-cidr service-node-port-range servicelb-namespace supervisor-metrics system-default-registry
  tls-san tls-san-security write-kubeconfig write-kubeconfig-group write-kubeconfig-mode`;

const agentOnly = "disable-apiserver-lb";

const words = (text: string) => text.split(/\s+/).filter(Boolean);

export const ACCEPTED_KEYS: Record<MachineRole, ReadonlySet<string>> = {
  server: new Set([...words(both), ...words(serverOnly)]),
  agent: new Set([...words(both), ...words(agentOnly)]),
};

/** What k3s does with a key that is not in the list. */
export const AT_UNKNOWN_KEY: Record<MachineRole, string> = {
  server: "would skip it with a warning in its log",
  agent: "would not start",
};

/** Keys that the program writes from its own settings; giving them a second time would be two masters for one thing. */
export const MANAGED_KEYS: ReadonlySet<string> = new Set(
  words(`token token-file agent-token agent-token-file server cluster-init cluster-reset cluster-reset-restore-path config data-dir
    node-ip node-name node-label node-taint tls-san disable write-kubeconfig write-kubeconfig-mode cluster-cidr service-cidr
    cluster-dns cluster-domain flannel-backend secrets-encryption datastore-endpoint default-local-storage-path private-registry pause-image`),
);

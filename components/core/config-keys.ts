import type { MachineRole } from "./machine-access";

/**
 * What k3s takes in `config.yaml`: its long command-line flags. k3s ends at start with a key it does not know, so none
 * is written that is not here. From `pkg/cli/cmds/{server,agent}.go` of k3s v1.34.
 */
const both = `alsologtostderr config container-runtime-endpoint data-dir debug default-runtime disable-default-registry-endpoint
  flannel-cni-conf flannel-conf flannel-iface image-credential-provider-bin-dir image-credential-provider-config
  image-service-endpoint kube-proxy-arg kubelet-arg lb-server-port log node-external-ip node-ip node-label node-name node-taint
  pause-image prefer-bundled-bin private-registry protect-kernel-defaults resolv-conf rootless selinux server snapshotter token
  token-file v vmodule vpn-auth vpn-auth-file with-node-id`;

const serverOnly = `advertise-address advertise-port agent-token agent-token-file bind-address cluster-cidr cluster-dns
  cluster-domain cluster-init cluster-reset cluster-reset-restore-path datastore-cafile datastore-certfile datastore-endpoint
  datastore-keyfile default-local-storage-path disable disable-cloud-controller disable-helm-controller disable-kube-proxy
  disable-network-policy disable-scheduler egress-selector-mode embedded-registry enable-pprof etcd-arg etcd-disable-snapshots
  etcd-expose-metrics etcd-s3 etcd-s3-access-key etcd-s3-bucket etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-folder
  etcd-s3-insecure etcd-s3-region etcd-s3-secret-key etcd-s3-skip-ssl-verify etcd-s3-timeout etcd-snapshot-compress
  etcd-snapshot-dir etcd-snapshot-name etcd-snapshot-retention etcd-snapshot-schedule-cron flannel-backend flannel-external-ip
  flannel-ipv6-masq helm-job-image https-listen-port kube-apiserver-arg kube-cloud-controller-manager-arg
  kube-controller-manager-arg kube-scheduler-arg secrets-encryption service-cidr service-node-port-range servicelb-namespace
  system-default-registry tls-san tls-san-security write-kubeconfig write-kubeconfig-group write-kubeconfig-mode`;

const words = (text: string) => text.split(/\s+/).filter(Boolean);

export const ACCEPTED_KEYS: Record<MachineRole, ReadonlySet<string>> = {
  server: new Set([...words(both), ...words(serverOnly)]),
  agent: new Set(words(both)),
};

/** Keys that the program writes from its own settings; giving them a second time would be two masters for one thing. */
export const MANAGED_KEYS: ReadonlySet<string> = new Set(
  words(`token token-file agent-token agent-token-file server cluster-init cluster-reset cluster-reset-restore-path config data-dir
    node-ip node-name node-label node-taint tls-san disable write-kubeconfig write-kubeconfig-mode cluster-cidr service-cidr
    cluster-dns cluster-domain flannel-backend secrets-encryption datastore-endpoint default-local-storage-path private-registry pause-image`),
);

import * as yaml from "js-yaml";

/** k3s applies what lies here at its start, before anything else could. */
export const MANIFESTS = "/var/lib/rancher/k3s/server/manifests";

export interface VirtualAddressManifest {
  address: string;
  /** Network card that carries it; the one of the default route when absent. */
  interface?: string;
  image: string;
}

/**
 * kube-vip on every server: one of them, elected by a lease, answers for the virtual address by ARP. The lease is short,
 * so that the address moves within some eight seconds of its holder's death: two for etcd's election, when that was the
 * leader, and then the lease, which the others count from when they last saw it renewed.
 *
 * @see https://kube-vip.io/docs/installation/daemonset/
 */
export function virtualAddressManifest({ address, interface: card, image }: VirtualAddressManifest): string {
  const name = "kube-vip";
  const namespace = "kube-system";
  const labels = { "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "homelab" };
  const environment: Record<string, string> = {
    address,
    cp_enable: "true",
    cp_namespace: namespace,
    port: "6443",
    vip_arp: "true",
    vip_leaderelection: "true",
    vip_leaseduration: "3",
    vip_leasename: "plndr-cp-lock",
    vip_renewdeadline: "2",
    vip_retryperiod: "1",
    // Before kube-vip 1.0 this was vip_cidr.
    vip_subnet: "32",
    ...(card && { vip_interface: card }),
  };
  const objects = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:kube-vip", labels },
      rules: [
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["list", "get", "watch", "update", "create"] },
        { apiGroups: [""], resources: ["nodes"], verbs: ["list", "get", "watch"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "system:kube-vip", labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:kube-vip" },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name, namespace, labels },
      spec: {
        selector: { matchLabels: { "app.kubernetes.io/name": name } },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            hostNetwork: true,
            priorityClassName: "system-node-critical",
            nodeSelector: { "node-role.kubernetes.io/control-plane": "true" },
            tolerations: [
              { operator: "Exists", effect: "NoSchedule" },
              { operator: "Exists", effect: "NoExecute" },
            ],
            containers: [
              {
                name,
                image,
                imagePullPolicy: "IfNotPresent",
                args: ["manager"],
                env: Object.entries(environment)
                  .map(([key, value]) => ({ name: key, value }))
                  .sort((a, b) => (a.name < b.name ? -1 : 1)),
                securityContext: { capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] } },
                resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
              },
            ],
          },
        },
      },
    },
  ];
  return objects.map((object) => yaml.dump(object, { sortKeys: true, lineWidth: -1, noRefs: true })).join("---\n");
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { containerSecurity, labelsOf, selectorOf } from "../kubernetes/workload";

/** node-exporter's registered port. */
export const NODE_EXPORTER_PORT = 9100;

/** Arguments of {@link NodeExporter}. */
export interface NodeExporterArgs {
  provider: pulumi.ProviderResource;
  images: Images;
  namespace: pulumi.Input<string>;
}

const NAME = "node-exporter";
/** Nobody else's: it sees the whole disk, and the files of pods that ran as the same user would be its own. */
const USER = 59_100;

/** On the machine: files `*.prom` that the machine's own timers write, read by node-exporter's textfile collector. */
export const TEXTFILE_FOLDER = "/var/lib/node-exporter/textfile";

/** Where node-exporter finds what is the machine's. */
interface HostPaths {
  root: string;
  proc: string;
  sys: string;
  textfile: string;
}

const IN_CONTAINER: HostPaths = { root: "/host/root", proc: "/host/proc", sys: "/host/sys", textfile: "/host/textfile" };

/** Flags that make node-exporter measure the machine and not its own container. */
export function nodeExporterFlags({ root, proc, sys, textfile }: HostPaths = IN_CONTAINER): string[] {
  return [
    `--path.procfs=${proc}`,
    `--path.sysfs=${sys}`,
    `--path.rootfs=${root}`,
    `--web.listen-address=:${NODE_EXPORTER_PORT}`,
    `--collector.textfile.directory=${textfile}`,
    // Every container has a mount or four; they are the machine's disk once more.
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run/(k3s/)?(containerd|netns|credentials)|var/lib/(docker|containerd|kubelet|rancher/k3s/agent/containerd))($|/)",
    "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|mqueue|nsfs|proc|procfs|pstore|ramfs|securityfs|sysfs|tmpfs|tracefs)$",
    "--collector.netclass.ignored-devices=^(veth|cali|cni|flannel|lxc).*$",
    "--collector.netdev.device-exclude=^(veth|cali|cni|flannel|lxc).*$",
    "--no-collector.wifi",
    "--no-collector.arp",
    // Debian builds turn it on; it needs the machine's D-Bus.
    "--no-collector.systemd",
  ];
}

/** node-exporter on every node, servers included, on the node's own address: what it says is about the machine. */
export class NodeExporter extends pulumi.ComponentResource {
  readonly nodes: { daemonSet: kubernetes.apps.v1.DaemonSet };

  constructor(name: string, args: NodeExporterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:NodeExporter", name, { namespace: args.namespace }, opts);
    const options = { parent: this, provider: args.provider };
    const metadata = { name: NAME, namespace: args.namespace, labels: labelsOf(NAME, "monitoring") };
    const account = new kubernetes.core.v1.ServiceAccount(`${name}-account`, { metadata, automountServiceAccountToken: false }, options);
    // Without `recursiveReadOnly` what is mounted below, the machine's /tmp for one, could be written to. Where a runtime cannot do
    // it, it is left out. It rules mountPropagation out: disks that are mounted later are measured after the pod's next start.
    const host = (volume: string, path: string) => ({ name: volume, mountPath: path, readOnly: true, recursiveReadOnly: "IfPossible" });
    const daemonSet = new kubernetes.apps.v1.DaemonSet(
      name,
      {
        metadata,
        spec: {
          selector: { matchLabels: selectorOf(NAME) },
          updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
          template: {
            metadata: { labels: labelsOf(NAME, "monitoring") },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              hostNetwork: true,
              hostPID: true,
              dnsPolicy: "ClusterFirstWithHostNet",
              nodeSelector: { "kubernetes.io/os": "linux" },
              tolerations: [{ operator: "Exists" }],
              terminationGracePeriodSeconds: 5,
              securityContext: { runAsNonRoot: true, runAsUser: USER, runAsGroup: USER, seccompProfile: { type: "RuntimeDefault" } },
              containers: [
                {
                  name: NAME,
                  image: args.images.ref("node-exporter"),
                  imagePullPolicy: "IfNotPresent",
                  args: nodeExporterFlags(),
                  ports: [{ name: "metrics", containerPort: NODE_EXPORTER_PORT, hostPort: NODE_EXPORTER_PORT }],
                  securityContext: containerSecurity(),
                  resources: { requests: { cpu: "10m", memory: "24Mi" }, limits: { memory: "96Mi" } },
                  readinessProbe: { httpGet: { path: "/", port: "metrics" }, periodSeconds: 10 },
                  livenessProbe: { httpGet: { path: "/", port: "metrics" }, periodSeconds: 30 },
                  volumeMounts: [
                    host("proc", "/host/proc"),
                    host("sys", "/host/sys"),
                    host("root", "/host/root"),
                    host("textfile", "/host/textfile"),
                  ],
                },
              ],
              volumes: [
                { name: "proc", hostPath: { path: "/proc" } },
                { name: "sys", hostPath: { path: "/sys" } },
                { name: "root", hostPath: { path: "/" } },
                { name: "textfile", hostPath: { path: TEXTFILE_FOLDER, type: "DirectoryOrCreate" } },
              ],
            },
          },
        },
      },
      options,
    );
    this.nodes = { daemonSet };
    this.registerOutputs({});
  }
}

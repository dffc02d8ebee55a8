import * as path from "node:path";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { toBytes } from "../core/notations";
import { follower } from "../kubernetes/follower";
import { networkPolicy } from "../kubernetes/policy";
import { secretObject } from "../kubernetes/secret";
import { dataVolume } from "../kubernetes/volume";
import { checksum, containerSecurity, labelsOf, podSecurity, selectorOf } from "../kubernetes/workload";
import type { TaskBackupOptions, TaskdOptions } from "./args";
import { GATE_METRICS_PORT, GATE_PATHS, gateContainer, gateFollower, gateMetricsService, renderTaskdGate } from "./gate";
import { script } from "./script";
import { restoreContainer, TaskBackup } from "./task-backup";
import type { KeyPair } from "./task-pki";
import { renderTaskdConfig, TASKD_PATHS, TASKD_PORT } from "./taskd-config";

/** Arguments of {@link Taskd}. */
export interface TaskdArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  settings: TaskdOptions;
  /** None when absent. */
  backup?: TaskBackupOptions;
  /** PEM of the authority that clients' certificates are checked against. */
  authority: pulumi.Input<string>;
  server: KeyPair;
  /** Records for `layout.sh`; a secret. */
  accounts: pulumi.Input<string>;
  /** Whether services have addresses of their own, by MetalLB or another load balancer, and not the machines'. */
  ownAddresses: boolean;
  /** Accounts that are suspended or removed, by id. */
  refused: readonly string[];
  /** PEM of the revocation list; none while nobody was removed. */
  revocations?: pulumi.Input<string>;
}

/** Any number that no image has a meaning for. */
export const TASKD_USER = 10589;
const NAME = "taskd";
/** taskd's own, inside the pod: its registered port is the gate's. */
export const TASKD_INNER_PORT = TASKD_PORT + 1;

/**
 * taskd, the server for Taskwarrior 2: one process with one data folder on a volume, which serves one connection at a
 * time. Users are folders that it looks for at each request: new ones are let in by {@link follower}, and the gate follows its
 * certificates. What restarts it (seconds; clients retry at their next sync) is its configuration, a new authority, and a user who is
 * to be refused from then on.
 */
export class Taskd extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;
  readonly nodes: { statefulSet: kubernetes.apps.v1.StatefulSet; volume: kubernetes.core.v1.PersistentVolumeClaim };

  constructor(name: string, args: TaskdArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:taskserver:Taskd", name, { namespace: args.namespace }, opts);
    const { settings, namespace } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "task-servers") });

    const read = {
      config: renderTaskdConfig(settings, {
        ...TASKD_PATHS,
        revocations: args.revocations !== undefined,
        listen: `127.0.0.1:${TASKD_INNER_PORT}`,
      }),
      "layout.sh": script("layout.sh"),
      "probe.sh": script("probe.sh"),
      "restore.sh": script("restore.sh"),
    };
    const files = {
      ...read,
      "haproxy.cfg": renderTaskdGate(
        { listen: TASKD_PORT, server: TASKD_INNER_PORT },
        { log: settings.ipLog, trust: settings.trust, revocations: args.revocations !== undefined },
      ),
    };
    const config = new kubernetes.core.v1.ConfigMap(`${name}-config`, { metadata: meta("-config"), data: files }, options);
    const pems = {
      "ca.pem": args.authority,
      "server.pem": args.server.certificate,
      "server.key": args.server.privateKey,
      ...(args.revocations === undefined ? {} : { "crl.pem": args.revocations }),
    };
    const tls = secretObject(`${name}-tls`, meta("-tls"), pems, options);
    const gateTls = secretObject(`${name}-gate-tls`, meta("-gate-tls"), gatePems(args), options);
    const accounts = secretObject(`${name}-accounts`, meta("-accounts"), { accounts: args.accounts }, options);
    const account = new kubernetes.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: meta(), automountServiceAccountToken: false },
      options,
    );
    const volume = dataVolume(`${name}-data`, meta("-data"), settings, options);
    const backup = args.backup
      ? new TaskBackup(
          `${name}-backup`,
          {
            provider: args.provider,
            namespace,
            settings: args.backup,
            server: NAME,
            image: args.images.ref("taskd"),
            user: TASKD_USER,
            data: volume.metadata.name,
            provable: true,
          },
          { parent: this },
        )
      : undefined;
    const admission = admit(args);
    const policy = networkPolicy(
      `${name}-policy`,
      {
        app: NAME,
        partOf: "task-servers",
        namespace,
        ingress: [
          { port: TASKD_PORT, from: admission.policy },
          { port: GATE_METRICS_PORT, from: "any" },
        ],
        // It answers and never calls anybody.
        egress: "none",
      },
      options,
    );
    this.service = new kubernetes.core.v1.Service(
      name,
      {
        metadata: meta(),
        spec: {
          type: settings.service,
          selector: selectorOf(NAME),
          loadBalancerIP: settings.address,
          ...admission.service,
          ports: [{ name: "taskd", port: TASKD_PORT, targetPort: "taskd", nodePort: settings.nodePort, protocol: "TCP" }],
        },
      },
      options,
    );
    gateMetricsService(`${name}-metrics`, NAME, namespace, options);
    const statefulSet = new kubernetes.apps.v1.StatefulSet(
      name,
      {
        metadata: meta(),
        spec: {
          // One writer: taskd locks nothing against a second process.
          replicas: 1,
          serviceName: NAME,
          selector: { matchLabels: selectorOf(NAME) },
          template: {
            metadata: {
              labels: labelsOf(NAME, "task-servers"),
              annotations: checksum({ ...read, authority: args.authority, refused: args.refused.join("\n") }),
            },
            spec: podSpec(args, {
              serviceAccount: account.metadata.name,
              config: config.metadata.name,
              tls: tls.metadata.name,
              gateTls: gateTls.metadata.name,
              accounts: accounts.metadata.name,
              volume: volume.metadata.name,
              backups: backup?.volume.metadata.name,
            }),
          },
        },
      },
      { ...options, dependsOn: [policy] },
    );
    this.nodes = { statefulSet, volume };
    this.registerOutputs({ service: this.service });
  }
}

/**
 * Who may connect, kept by what still sees a client's address. k3s' servicelb (klipper-lb) hides it from the pod: it filters by the
 * service's source ranges itself, as long as no node port leads around it. With MetalLB, and on node ports, the policy sees it if the
 * traffic stays on the machine where it arrives.
 *
 * @see https://github.com/k3s-io/klipper-lb
 * @see https://metallb.universe.tf/usage/#traffic-policies
 */
function admit({ settings, ownAddresses }: TaskdArgs): { policy: "any" | { networks: readonly pulumi.Input<string>[] }; service: object } {
  const networks = settings.allowedNetworks;
  if (networks.length === 0) {
    return { policy: "any", service: {} };
  }
  const ranges = settings.service === "LoadBalancer" && { loadBalancerSourceRanges: [...networks] };
  if (settings.service === "LoadBalancer" && !ownAddresses) {
    return { policy: "any", service: { ...ranges, allocateLoadBalancerNodePorts: false } };
  }
  return {
    policy: { networks },
    service: { ...ranges, ...(settings.service !== "ClusterIP" && { externalTrafficPolicy: "Local" }) },
  };
}

/** HAProxy takes a certificate and its key from one file. */
function gatePems({ authority, server, revocations }: Pick<TaskdArgs, "authority" | "server" | "revocations">) {
  return {
    "ca.pem": authority,
    "server.pem": pulumi.all([server.certificate, server.privateKey]).apply((parts) => parts.join("\n")),
    ...(revocations === undefined ? {} : { "crl.pem": revocations }),
  };
}

type Names = Record<"serviceAccount" | "config" | "tls" | "gateTls" | "accounts" | "volume", pulumi.Input<string>> & {
  backups?: pulumi.Input<string>;
};

function podSpec(args: TaskdArgs, names: Names): kubernetes.types.input.core.v1.PodSpec {
  const { settings } = args;
  const image = args.images.ref("taskd");
  const data = { name: "data", mountPath: TASKD_PATHS.data };
  const files = { name: "config", mountPath: path.dirname(TASKD_PATHS.config), readOnly: true };
  const prepare = (container: string, command: string[], mounts: kubernetes.types.input.core.v1.VolumeMount[]) => ({
    name: container,
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", ...command],
    securityContext: containerSecurity(),
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    volumeMounts: [data, files, ...mounts],
  });
  const gate = [
    { name: "config", mountPath: GATE_PATHS.config, readOnly: true },
    { name: "gate-tls", mountPath: GATE_PATHS.tls, readOnly: true },
  ];
  const layout = ["/etc/taskd/layout.sh", TASKD_PATHS.data, TASKD_PATHS.config, TASKD_PATHS.accounts] as const;
  const accounts = { name: "accounts", mountPath: path.dirname(TASKD_PATHS.accounts), readOnly: true };
  const probe = (kind: string) => ({ command: ["/bin/sh", "/etc/taskd/probe.sh", kind, String(TASKD_INNER_PORT)] });
  return {
    serviceAccountName: names.serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // taskd does not handle SIGTERM, which as process 1 it would therefore never get.
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 15,
    securityContext: podSecurity(TASKD_USER),
    initContainers: [
      ...(names.backups === undefined ? [] : [restoreContainer(image, data, files)]),
      prepare("layout", [...layout], [accounts]),
    ],
    containers: [
      {
        name: NAME,
        image,
        imagePullPolicy: "IfNotPresent",
        args: ["server", "--data", TASKD_PATHS.data],
        securityContext: containerSecurity(),
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: memoryLimit(settings) } },
        // It makes Diffie-Hellman parameters before it listens: seconds, a minute on the smallest machines.
        startupProbe: { exec: probe("ready"), periodSeconds: 2, failureThreshold: 60, timeoutSeconds: 5 },
        readinessProbe: { exec: probe("ready"), periodSeconds: 10, timeoutSeconds: 5 },
        // Half a minute of clients waiting behind a silent connection is enough: nobody loses anything by the restart.
        livenessProbe: { exec: probe("alive"), periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 },
        volumeMounts: [
          data,
          files,
          { name: "tls", mountPath: TASKD_PATHS.certificates, readOnly: true },
          { name: "tmp", mountPath: "/tmp" },
        ],
      },
      gateContainer(args.images.ref("haproxy"), { name: "taskd", containerPort: TASKD_PORT }, gate),
      gateFollower(args.images.ref("haproxy"), gate),
      follower({
        name: "accounts",
        image,
        folders: [accounts.mountPath],
        run: ["/bin/sh", ...layout],
        mounts: [data, files, accounts],
      }),
    ],
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: names.volume } },
      { name: "config", configMap: { name: names.config } },
      { name: "tls", secret: { secretName: names.tls, defaultMode: 0o440 } },
      { name: "gate-tls", secret: { secretName: names.gateTls, defaultMode: 0o440 } },
      { name: "accounts", secret: { secretName: names.accounts, defaultMode: 0o440 } },
      ...(names.backups === undefined ? [] : [{ name: "backups", persistentVolumeClaim: { claimName: names.backups } }]),
      { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ],
  };
}

/** taskd holds a request several times over while it parses and merges it. */
export function memoryLimit(settings: Pick<TaskdOptions, "requestLimit">): string {
  return `${Math.max(128, Math.ceil((toBytes(settings.requestLimit) * 16) / 2 ** 20))}Mi`;
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { networkPolicy } from "../kubernetes/policy";
import { secretObject } from "../kubernetes/secret";
import { dataVolume } from "../kubernetes/volume";
import { checksum, containerSecurity, labelsOf, notAwaited, podSecurity, selectorOf } from "../kubernetes/workload";
import type { TaskBackupOptions, TaskChampionOptions } from "./args";
import { GATE_METRICS_PORT, GATE_PATHS, gateContainer, gateFollower, gateMetricsService, renderTaskChampionGate } from "./gate";
import { hasTools, restoreContainer, TaskBackup, toolsImage } from "./task-backup";
import type { KeyPair } from "./task-pki";

/** Arguments of {@link TaskChampion}. */
export interface TaskChampionArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  settings: TaskChampionOptions;
  /** None when absent. */
  backup?: TaskBackupOptions;
  /** Ids of the clients that may sync; secret, since whoever knows one may fetch and overwrite its (encrypted) tasks. */
  clientIds: pulumi.Input<readonly string[]>;
  /** Accounts that are suspended or removed, by id. */
  refused: readonly string[];
  /** The servers' certificate, for the ingress or the gate. */
  server: KeyPair;
}

/** Of the gate in plain HTTP and with TLS, and of the server behind it, which is reached from within the pod only. */
export const TASKCHAMPION_PORT = 8080;
const INNER_PORT = 8081;
export const TASKCHAMPION_TLS_PORT = 8443;

const NAME = "taskchampion";
const CLIENTS = "/etc/taskchampion-clients";
/** As in upstream's image. */
export const TASKCHAMPION_USER = 1092;
export const TASKCHAMPION_DATA = "/var/lib/taskchampion-sync-server/data";
/** Of nobody: an empty allow list would let everybody in. */
export const NOBODY = "00000000-0000-4000-8000-000000000000";

/**
 * TaskChampion's sync server for Taskwarrior 3, on SQLite. Clients encrypt what they send with a secret that the server
 * never has. It speaks plain HTTP and reads its list of clients at its start only, so a HAProxy beside it has the list, and TLS
 * where no ingress does it. The gate follows both: a new user restarts nothing. One who is to be refused from then on restarts the
 * pod, so that it holds at once.
 */
export class TaskChampion extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;
  /** What holds the data, and what serves it. */
  readonly nodes: { statefulSet: kubernetes.apps.v1.StatefulSet; volume: kubernetes.core.v1.PersistentVolumeClaim };

  constructor(name: string, args: TaskChampionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:taskserver:TaskChampion", name, { namespace: args.namespace }, opts);
    const { settings, namespace } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "task-servers") });

    const allowed = pulumi.output(args.clientIds).apply((ids) => (ids.length > 0 ? [...ids] : [NOBODY]).map((id) => `${id}\n`).join(""));
    const clients = secretObject(`${name}-clients`, meta("-clients"), { ids: allowed }, options);
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
            image: toolsImage(args.images),
            user: TASKCHAMPION_USER,
            data: volume.metadata.name,
            provable: hasTools(args.images),
          },
          { parent: this },
        )
      : undefined;
    const tls = usesTls(settings);
    const port = tls ? TASKCHAMPION_TLS_PORT : TASKCHAMPION_PORT;
    const gate = this.gate(name, args, meta, clients, options);
    networkPolicy(
      `${name}-policy`,
      {
        app: NAME,
        partOf: "task-servers",
        namespace,
        ingress: [port, GATE_METRICS_PORT].map((each) => ({ port: each, from: "any" })),
        egress: "none",
      },
      options,
    );
    this.service = new kubernetes.core.v1.Service(
      name,
      {
        metadata: { ...meta(), annotations: settings.replicas === 0 ? notAwaited : undefined },
        spec: {
          type: settings.ingress ? "ClusterIP" : settings.service,
          selector: selectorOf(NAME),
          loadBalancerIP: settings.address,
          ports: [{ name: gate.port, port, targetPort: gate.port, protocol: "TCP" }],
        },
      },
      options,
    );
    if (settings.ingress) {
      this.expose(name, args, settings.ingress, options);
    }
    const statefulSet = new kubernetes.apps.v1.StatefulSet(
      name,
      {
        metadata: meta(),
        spec: {
          // SQLite has one writer.
          replicas: settings.replicas,
          serviceName: NAME,
          selector: { matchLabels: selectorOf(NAME) },
          template: {
            metadata: { labels: labelsOf(NAME, "task-servers"), annotations: checksum({ refused: args.refused.join("\n") }) },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              shareProcessNamespace: true,
              // It would wait 30 s for connections that nobody closes; what it has acknowledged is on the disk.
              terminationGracePeriodSeconds: 5,
              securityContext: podSecurity(TASKCHAMPION_USER),
              initContainers: backup
                ? [
                    restoreContainer(
                      toolsImage(args.images),
                      { name: "data", mountPath: TASKCHAMPION_DATA },
                      { name: "scripts", mountPath: "/scripts", readOnly: true },
                    ),
                  ]
                : [],
              containers: [
                {
                  name: NAME,
                  image: args.images.ref("taskchampion-sync-server"),
                  imagePullPolicy: "IfNotPresent",
                  // Past upstream's entry point, which wants to be root to give the folder to its user.
                  command: ["taskchampion-sync-server"],
                  env: [
                    { name: "LISTEN", value: `127.0.0.1:${INNER_PORT}` },
                    { name: "DATA_DIR", value: TASKCHAMPION_DATA },
                    { name: "RUST_LOG", value: "info" },
                  ],
                  securityContext: containerSecurity(),
                  resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "256Mi" } },
                  // Through the gate, the only one that reaches it.
                  readinessProbe: { httpGet: gate.probe, periodSeconds: 10 },
                  livenessProbe: { httpGet: gate.probe, periodSeconds: 20 },
                  volumeMounts: [{ name: "data", mountPath: TASKCHAMPION_DATA }],
                },
                ...gate.containers,
              ],
              volumes: [
                { name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } },
                ...(backup
                  ? [
                      { name: "backups", persistentVolumeClaim: { claimName: backup.volume.metadata.name } },
                      { name: "scripts", configMap: { name: backup.scripts.metadata.name } },
                    ]
                  : []),
                ...gate.volumes,
              ],
            },
          },
        },
      },
      options,
    );
    this.nodes = { statefulSet, volume };
    this.registerOutputs({ service: this.service });
  }

  /** HAProxy in the same pod, its files, and how kubelet asks the server behind it. */
  private gate(
    name: string,
    args: TaskChampionArgs,
    meta: (suffix?: string) => { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> },
    clients: kubernetes.core.v1.Secret,
    options: pulumi.CustomResourceOptions,
  ) {
    const tls = usesTls(args.settings);
    const listen = tls ? TASKCHAMPION_TLS_PORT : TASKCHAMPION_PORT;
    const config = renderTaskChampionGate({ listen, server: INNER_PORT }, { log: true, tls, clients: `${CLIENTS}/ids` });
    const files = new kubernetes.core.v1.ConfigMap(`${name}-gate`, { metadata: meta("-gate"), data: { "haproxy.cfg": config } }, options);
    if (args.settings.replicas > 0) {
      gateMetricsService(`${name}-metrics`, NAME, args.namespace, options);
    }
    const volumes: kubernetes.types.input.core.v1.Volume[] = [
      { name: "gate", configMap: { name: files.metadata.name } },
      { name: "clients", secret: { secretName: clients.metadata.name, defaultMode: 0o440 } },
    ];
    const mounts = [
      { name: "gate", mountPath: GATE_PATHS.config, readOnly: true },
      { name: "clients", mountPath: CLIENTS, readOnly: true },
    ];
    if (tls) {
      // HAProxy takes the certificate and its key from one file.
      const pem = pulumi.all([args.server.certificate, args.server.privateKey]).apply((parts) => parts.join("\n"));
      const pair = secretObject(`${name}-gate-tls`, meta("-gate-tls"), { "server.pem": pem }, options);
      volumes.push({ name: "gate-tls", secret: { secretName: pair.metadata.name, defaultMode: 0o440 } });
      mounts.push({ name: "gate-tls", mountPath: GATE_PATHS.tls, readOnly: true });
    }
    const image = args.images.ref("haproxy");
    const port = tls ? "https" : "http";
    return {
      port,
      probe: { path: "/", port: listen, scheme: tls ? "HTTPS" : "HTTP" },
      containers: [gateContainer(image, { name: port, containerPort: listen }, mounts), gateFollower(image, mounts)],
      volumes,
    };
  }

  private expose(
    name: string,
    args: TaskChampionArgs,
    ingress: NonNullable<TaskChampionOptions["ingress"]>,
    options: pulumi.CustomResourceOptions,
  ) {
    const metadata = { name: NAME, namespace: args.namespace, labels: labelsOf(NAME, "task-servers") };
    const tls = secretObject(
      `${name}-tls`,
      { ...metadata, name: `${NAME}-tls` },
      { "tls.crt": args.server.certificate, "tls.key": args.server.privateKey },
      options,
      "kubernetes.io/tls",
    );
    const backend = { service: { name: this.service.metadata.name, port: { name: "http" } } };
    return new kubernetes.networking.v1.Ingress(
      `${name}-ingress`,
      {
        metadata,
        spec: {
          ingressClassName: ingress.className,
          tls: [{ hosts: [ingress.hostname], secretName: tls.metadata.name }],
          rules: [{ host: ingress.hostname, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
        },
      },
      options,
    );
  }
}

/** Whether TLS is the pod's own: not where an ingress has it, nor where nobody wants it. */
export function usesTls(settings: TaskChampionOptions): boolean {
  return settings.tls && settings.ingress === undefined;
}

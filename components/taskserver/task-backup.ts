import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { toSeconds } from "../core/notations";
import { secretOutput } from "../core/secret-output";
import { networkPolicy } from "../kubernetes/policy";
import { secretObject } from "../kubernetes/secret";
import { dataVolume } from "../kubernetes/volume";
import { containerSecurity, labelsOf, podSecurity } from "../kubernetes/workload";
import type { ObjectStorageArgs, TaskBackupOptions } from "./args";
import { script } from "./script";

/** Arguments of {@link TaskBackup}. */
export interface TaskBackupArgs {
  provider: kubernetes.Provider;
  namespace: pulumi.Input<string>;
  settings: TaskBackupOptions;
  /** What the archives and the cron jobs are named after: `taskd`. */
  server: string;
  /** An image with a shell and its usual tools. */
  image: string;
  /** Numeric user that owns the server's data. */
  user: number;
  /** Claim of the server's data volume. */
  data: pulumi.Input<string>;
  /** Whether the image has what a proof of an archive needs. */
  provable: boolean;
}

/**
 * An image with a shell, tar and curl, for a server whose own image need not have them: taskd's where there is one, as it has no public
 * image; else nginx's, which the pages have too.
 */
export function toolsImage(images: Images): string {
  return images.ref(hasTools(images) ? "taskd" : "nginx");
}

/** Whether {@link toolsImage} is the one of `Containerfile`, which has SQLite's program as well. */
export function hasTools(images: Images): boolean {
  return images.overridden.includes("taskd");
}

/** What runs in the pods of backups, proofs and restores. */
const SCRIPTS = ["backup.sh", "contents.sh", "object-storage.sh", "restore.sh", "verify.sh"];

/** Where the backup's volume is in its pods and in the server's. */
export const BACKUPS = "/backups";
/** Where a proof unpacks an archive. */
const SCRATCH = "/scratch";
/** Where the certificates of the object storage's authority are. */
const OBJECTS = "/etc/object-storage";

/**
 * Scheduled backups of a task server to a volume of their own, scheduled proofs of the newest, and the second half of a restore: a cron
 * job that never runs by itself and from which `restore` jobs are made. The server's own pod carries a restore out at its start.
 */
export class TaskBackup extends pulumi.ComponentResource {
  readonly volume: kubernetes.core.v1.PersistentVolumeClaim;
  /** Config map with the scripts of backup and restore. */
  readonly scripts: kubernetes.core.v1.ConfigMap;

  constructor(name: string, args: TaskBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:taskserver:TaskBackup", name, { namespace: args.namespace }, opts);
    const { server, namespace, settings } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix: string) => ({ name: `${server}-${suffix}`, namespace, labels: labelsOf(`${server}-${suffix}`, "task-servers") });

    this.volume = dataVolume(`${name}-volume`, meta("backups"), settings, options);
    this.scripts = new kubernetes.core.v1.ConfigMap(
      `${name}-scripts`,
      {
        metadata: meta("backup-scripts"),
        data: Object.fromEntries(SCRIPTS.map((file) => [file, script(file)])),
      },
      options,
    );
    const objects = settings.objectStorage
      ? secretObject(`${name}-object-storage`, meta("backup-object-storage"), objectStorage(settings.objectStorage), options)
      : undefined;
    for (const suffix of settings.objectStorage ? ["backup", "restore"] : []) {
      networkPolicy(
        `${name}-${suffix}-policy`,
        { app: `${server}-${suffix}`, partOf: "task-servers", namespace, ingress: [], egress: "any" },
        options,
      );
    }
    const names = { scripts: this.scripts.metadata.name, volume: this.volume.metadata.name };
    const ofData = (command: string[]) => podSpec(args, command, { ...names, objects: objects?.metadata.name });
    const job = (suffix: string, schedule: string, suspend: boolean, spec: kubernetes.types.input.core.v1.PodSpec) =>
      new kubernetes.batch.v1.CronJob(
        `${name}-${suffix}`,
        {
          metadata: meta(suffix),
          spec: {
            schedule,
            suspend,
            timeZone: "Etc/UTC",
            // Two at once would only make each other's copies not count.
            concurrencyPolicy: "Forbid",
            startingDeadlineSeconds: 3600,
            successfulJobsHistoryLimit: 2,
            failedJobsHistoryLimit: 2,
            jobTemplate: {
              spec: {
                backoffLimit: 2,
                activeDeadlineSeconds: 3600,
                ttlSecondsAfterFinished: 7 * 86400,
                template: {
                  metadata: { labels: labelsOf(`${server}-${suffix}`, "task-servers") },
                  spec,
                },
              },
            },
          },
        },
        options,
      );
    const paths = ["/data", BACKUPS, server];
    job("backup", settings.schedule, false, ofData(["/bin/sh", "/scripts/backup.sh", ...paths, ...retention(settings)]));
    if (settings.verify && args.provable) {
      job("verify", settings.verify, false, proofSpec(args, ["/bin/sh", "/scripts/verify.sh", SCRATCH, BACKUPS, server], names));
    }
    // 29 February, for the schema's sake: it is suspended.
    job("restore", "0 0 29 2 *", true, ofData(["/bin/sh", "/scripts/restore.sh", "ask", ...paths]));
    this.registerOutputs({});
  }
}

/**
 * The half of a restore that a server's pod does at each start, before the server: carries out what was asked for.
 *
 * @param data the mount of the server's data
 * @param scripts the mount that has restore.sh
 */
export function restoreContainer(
  image: string,
  data: { name: string; mountPath: string },
  scripts: { name: string; mountPath: string; readOnly: boolean },
) {
  return {
    name: "restore",
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", `${scripts.mountPath}/restore.sh`, "do", data.mountPath, BACKUPS],
    securityContext: containerSecurity(),
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    volumeMounts: [data, scripts, { name: "backups", mountPath: BACKUPS, readOnly: true }],
  };
}

/** What backup.sh is told of the archives that stay. */
function retention({ keep, keepFor }: TaskBackupOptions): string[] {
  return [String(keep), ...(keepFor === undefined ? [] : [String(toSeconds(keepFor))])];
}

type Volume = kubernetes.types.input.core.v1.Volume;
type VolumeMount = kubernetes.types.input.core.v1.VolumeMount;
type Names = Record<"scripts" | "volume", pulumi.Input<string>> & { objects?: pulumi.Input<string> };

/** A pod that runs one of the scripts beside the archives and what else it needs. */
function scriptSpec(
  args: TaskBackupArgs,
  command: string[],
  names: Names,
  more: { volumes: [Volume, ...Volume[]]; mounts: [VolumeMount, ...VolumeMount[]]; readOnly?: true },
): kubernetes.types.input.core.v1.PodSpec {
  const [volume, ...volumes] = more.volumes;
  const [mount, ...mounts] = more.mounts;
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity(args.user),
    containers: [
      {
        name: "backup",
        image: args.image,
        imagePullPolicy: "IfNotPresent",
        command,
        securityContext: containerSecurity(),
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
        envFrom: names.objects === undefined ? undefined : [{ secretRef: { name: names.objects } }],
        volumeMounts: [
          mount,
          { name: "backups", mountPath: BACKUPS, readOnly: more.readOnly },
          { name: "scripts", mountPath: "/scripts", readOnly: true },
          ...mounts,
        ],
      },
    ],
    volumes: [
      volume,
      { name: "backups", persistentVolumeClaim: { claimName: names.volume } },
      { name: "scripts", configMap: { name: names.scripts } },
      ...volumes,
    ],
  };
}

function podSpec(args: TaskBackupArgs, command: string[], names: Names): kubernetes.types.input.core.v1.PodSpec {
  const objects = names.objects === undefined ? [] : [names.objects];
  return scriptSpec(args, command, names, {
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: args.data } },
      ...objects.map((secretName) => ({ name: "objects", secret: { secretName, defaultMode: 0o440 } })),
    ],
    mounts: [{ name: "data", mountPath: "/data" }, ...objects.map(() => ({ name: "objects", mountPath: OBJECTS, readOnly: true }))],
  });
}

/** A proof sees neither the server's data nor the network, and cannot change an archive. */
function proofSpec(args: TaskBackupArgs, command: string[], names: Names): kubernetes.types.input.core.v1.PodSpec {
  return scriptSpec(args, command, names, {
    volumes: [{ name: "scratch", emptyDir: {} }],
    mounts: [{ name: "scratch", mountPath: SCRATCH }],
    readOnly: true,
  });
}

/** The environment that object-storage.sh reads. */
function objectStorage(settings: ObjectStorageArgs): Record<string, pulumi.Input<string>> {
  const { url, region, accessKeyId, secretAccessKey, authority } = settings;
  return {
    S3_URL: url,
    S3_REGION: region,
    S3_ACCESS_KEY_ID: secretOutput(accessKeyId),
    S3_SECRET_ACCESS_KEY: secretOutput(secretAccessKey),
    // A Secret is mounted as a whole as well: the certificates are read from there.
    ...(authority ? { S3_CA: `${OBJECTS}/AUTHORITY`, AUTHORITY: authority } : {}),
  };
}

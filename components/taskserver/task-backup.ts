import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
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
}

/**
 * An image with a shell, tar and curl, for a server whose own image need not have them: taskd's where there is one, as it has no public
 * image; else nginx's, which the pages have too.
 */
export function toolsImage(images: Images): string {
  return images.ref(images.overridden.includes("taskd") ? "taskd" : "nginx");
}

/** Where the backup's volume is in its pods and in the server's. */
export const BACKUPS = "/backups";
/** Where the certificates of the object storage's authority are. */
const OBJECTS = "/etc/object-storage";

/**
 * Scheduled backups of a task server to a volume of their own, and the second half of a restore: a cron job that never
 * runs by itself and from which `restore` jobs are made. The server's own pod carries a restore out at its start.
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
        data: Object.fromEntries(["backup.sh", "restore.sh", "object-storage.sh"].map((file) => [file, script(file)])),
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
    const job = (suffix: string, command: string[], schedule: string, suspend: boolean) =>
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
                  spec: podSpec(args, command, {
                    scripts: this.scripts.metadata.name,
                    volume: this.volume.metadata.name,
                    objects: objects?.metadata.name,
                  }),
                },
              },
            },
          },
        },
        options,
      );
    const paths = ["/data", BACKUPS, server];
    job("backup", ["/bin/sh", "/scripts/backup.sh", ...paths, String(settings.keep)], settings.schedule, false);
    // 29 February, for the schema's sake: it is suspended.
    job("restore", ["/bin/sh", "/scripts/restore.sh", "ask", ...paths], "0 0 29 2 *", true);
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

function podSpec(
  args: TaskBackupArgs,
  command: string[],
  names: { scripts: pulumi.Input<string>; volume: pulumi.Input<string>; objects?: pulumi.Input<string> },
): kubernetes.types.input.core.v1.PodSpec {
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
          { name: "data", mountPath: "/data" },
          { name: "backups", mountPath: BACKUPS },
          { name: "scripts", mountPath: "/scripts", readOnly: true },
          ...(names.objects === undefined ? [] : [{ name: "objects", mountPath: OBJECTS, readOnly: true }]),
        ],
      },
    ],
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: args.data } },
      { name: "backups", persistentVolumeClaim: { claimName: names.volume } },
      { name: "scripts", configMap: { name: names.scripts } },
      ...(names.objects === undefined ? [] : [{ name: "objects", secret: { secretName: names.objects, defaultMode: 0o440 } }]),
    ],
  };
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

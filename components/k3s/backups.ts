import type { MachineRole } from "../core/machine-access";
import { toSeconds } from "../core/notations";
import type { InClear } from "../core/secret-output";
import { type K3sOptions, VERIFY_EVERY } from "./args";
import { type RemoteFile, SCRIPT_PATH } from "./scripts";

/** The timer that makes backups on a server, and its settings; see `scripts/60-backup.sh`. */
export function backupFiles(role: MachineRole, backups: InClear<K3sOptions["backups"]>): RemoteFile[] {
  const file = (path: string, mode: RemoteFile["mode"], content?: string): RemoteFile => ({
    path,
    mode,
    content: role === "server" ? content : undefined,
  });
  return [
    file("/etc/homelab/backup.conf", "0600", backups && backupConf(backups)),
    file("/etc/systemd/system/homelab-backup.service", "0644", backups && SERVICE),
    file("/etc/systemd/system/homelab-backup.timer", "0644", backups && timer(toSeconds(backups.every))),
  ];
}

/** Shell assignments, always quoted. */
function backupConf({ keep, keepFor, verify, folder, s3 }: NonNullable<InClear<K3sOptions["backups"]>>): string {
  const values: Record<string, string | number> = {
    KEEP: keep,
    ...(keepFor !== undefined && { KEEP_FOR: toSeconds(keepFor) }),
    ...(verify !== VERIFY_EVERY && { VERIFY: verify === false ? 0 : toSeconds(verify) }),
    ...(folder !== undefined && { FOLDER: folder }),
    ...(s3 && {
      S3_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_REGION: s3.region,
      S3_FOLDER: s3.folder,
      S3_ACCESS_KEY: s3.accessKey,
      S3_SECRET_KEY: s3.secretKey,
    }),
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}='${String(value).replaceAll("'", `'\\''`)}'\n`)
    .join("");
}

const SERVICE = `[Unit]
Description=Backup of k3s' datastore with its server token
ConditionPathExists=/etc/rancher/k3s/token

[Service]
Type=oneshot
ExecStart=/bin/sh ${SCRIPT_PATH} backup
Nice=10
IOSchedulingClass=idle
`;

function timer(seconds: number): string {
  return `[Unit]
Description=Backups of k3s' datastore

[Timer]
OnActiveSec=15min
OnUnitActiveSec=${seconds}s
RandomizedDelaySec=${Math.min(300, Math.floor(seconds / 10))}s

[Install]
WantedBy=timers.target
`;
}

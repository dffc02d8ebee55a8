/** When something was last backed up, and last proven: seconds since 1970, missing where Prometheus knows of no such time. */
export interface BackupAge {
  /** `taskd`, `taskchampion`, or `cluster on` a machine. */
  name: string;
  made?: number;
  proven?: number;
}

interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** What the start page and the alerts look at as well. */
const QUERIES: Record<"made" | "proven", string[]> = {
  made: ['kube_cronjob_status_last_successful_time{cronjob=~"task(d|champion)-backup"}', "homelab_cluster_backup_timestamp_seconds"],
  proven: [
    'kube_cronjob_status_last_successful_time{cronjob=~"task(d|champion)-verify"}',
    "homelab_cluster_backup_proven_timestamp_seconds",
  ],
};

/** Of the cluster's servers first, then of the task servers. */
export async function backupAges(api: { query: (text: string) => Promise<Sample[]> }): Promise<BackupAge[]> {
  const ages = new Map<string, BackupAge>();
  for (const kind of ["made", "proven"] as const) {
    const answers = await Promise.all(QUERIES[kind].map((query) => api.query(query)));
    for (const { labels, value } of answers.flat()) {
      const name = labels.cronjob === undefined ? `cluster on ${labels.instance}` : labels.cronjob.replace(/-\w+$/, "");
      ages.set(name, { ...(ages.get(name) ?? { name }), [kind]: value });
    }
  }
  return [...ages.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** `3 hours ago`; `never` where there is no time. */
export function agoOf(time: number | undefined, now: number): string {
  if (time === undefined) {
    return "never";
  }
  const minutes = Math.max(0, Math.round((now - time) / 60));
  const [count, unit] =
    minutes < 120 ? [minutes, "minute"] : minutes < 2880 ? [Math.round(minutes / 60), "hour"] : [Math.round(minutes / 1440), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

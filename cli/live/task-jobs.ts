import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesApi } from "./kubernetes-api";

interface Container {
  name: string;
  command?: string[];
}

interface JobSpec {
  template: { spec: { containers: Container[] } };
  [key: string]: unknown;
}

interface CronJob {
  metadata: { name: string; uid: string; labels?: Record<string, string> };
  spec: { jobTemplate: { metadata?: { labels?: Record<string, string> }; spec: JobSpec } };
}

interface Job {
  metadata: { name: string };
  status?: { conditions?: { type: string; status: string }[] };
}

interface Pod {
  metadata: { name: string; uid: string };
  status: { conditions?: { type: string; status: string }[] };
}

const minutes = 60_000;

/** A job made from a cron job, as `kubectl create job --from` does, with its container's command changed by `change`. */
export function jobFrom(cron: CronJob, name: string, change: (command: string[]) => string[] = (command) => command): unknown {
  const { metadata, spec } = structuredClone(cron.spec.jobTemplate);
  // Somebody is waiting for it, and will try again themselves.
  spec.backoffLimit = 0;
  for (const container of spec.template.spec.containers) {
    container.command = change(container.command ?? []);
  }
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      labels: metadata?.labels,
      annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name: cron.metadata.name, uid: cron.metadata.uid, controller: true }],
    },
    spec,
  };
}

/** The jobs of the task servers' backups in one namespace, run by hand. */
export class TaskJobs {
  constructor(
    private readonly api: KubernetesApi,
    private readonly namespace: string,
  ) {}

  /** Names of the task servers that have backups. */
  async servers(): Promise<string[]> {
    const crons = await this.api.get<{ items: CronJob[] }>(`/apis/batch/v1/namespaces/${this.namespace}/cronjobs`);
    const names = new Set(crons.items.map(({ metadata }) => metadata.name));
    return ["taskd", "taskchampion"].filter((server) => names.has(`${server}-backup`) && names.has(`${server}-restore`));
  }

  /** Runs a job made from a cron job to its end; what it printed. Throws with that when it fails. */
  async run(cronName: string, change?: (command: string[]) => string[]): Promise<string> {
    const jobs = `/apis/batch/v1/namespaces/${this.namespace}/jobs`;
    const cron = await this.api.get<CronJob>(`/apis/batch/v1/namespaces/${this.namespace}/cronjobs/${cronName}`);
    const name = `${cronName}-by-hand-${randomBytes(3).toString("hex")}`;
    await this.api.create(jobs, jobFrom(cron, name, change));
    const end = await within(10 * minutes, `the job ${name} of the namespace ${this.namespace}`, async () => {
      const job = await this.api.get<Job>(`${jobs}/${name}`);
      return job.status?.conditions?.find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True")?.type;
    });
    const said = await this.said(name);
    if (end === "Failed") {
      throw new Error(`${cronName} failed:\n${said}`);
    }
    // Its pod would hold the server's volume: a claim that is deleted stays for as long as any pod names it.
    await this.api.delete(`${jobs}/${name}?propagationPolicy=Background`);
    return said;
  }

  /** Restarts a server's pod and waits until the new one is ready. */
  async restart(server: string): Promise<void> {
    const pod = `/api/v1/namespaces/${this.namespace}/pods/${server}-0`;
    const old = await this.api.find<Pod>(pod);
    if (old) {
      await this.api.delete(pod);
    }
    await within(5 * minutes, `the pod ${server}-0 of the namespace ${this.namespace}`, async () => {
      const now = await this.api.find<Pod>(pod);
      const ready = now?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
      return now && now.metadata.uid !== old?.metadata.uid && ready ? true : undefined;
    });
  }

  /** Whether a volume claim is there and not on its way out. */
  async hasClaim(name: string): Promise<boolean> {
    const path = `/api/v1/namespaces/${this.namespace}/persistentvolumeclaims/${name}`;
    const claim = await this.api.find<{ metadata: { deletionTimestamp?: string } }>(path);
    return claim !== undefined && claim.metadata.deletionTimestamp === undefined;
  }

  private async said(job: string): Promise<string> {
    const pods = await this.api.get<{ items: Pod[] }>(`/api/v1/namespaces/${this.namespace}/pods?labelSelector=job-name%3D${job}`);
    const texts = await Promise.all(
      pods.items.map(({ metadata }) =>
        this.api.text("GET", `/api/v1/namespaces/${this.namespace}/pods/${metadata.name}/log`).catch(() => ""),
      ),
    );
    return texts.join("").trim();
  }
}

async function within<T>(milliseconds: number, what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`${what} is not done after ${milliseconds / minutes} minutes: 'kubectl describe' on it says why`);
    }
    await sleep(1000);
  }
}

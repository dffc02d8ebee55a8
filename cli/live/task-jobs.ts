import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ifThere, type KubernetesApi } from "./kubernetes-api";
import type { Of } from "./kubernetes-library";

const minutes = 60_000;

/** A job made from a cron job, as `kubectl create job --from` does, with its container's command changed by `change`. */
export function jobFrom(cron: Of<"V1CronJob">, name: string, change: (command: string[]) => string[] = (command) => command): Of<"V1Job"> {
  const { metadata, spec } = structuredClone(cron.spec!.jobTemplate);
  // Somebody is waiting for it, and will try again themselves.
  spec!.backoffLimit = 0;
  for (const container of spec!.template.spec!.containers) {
    container.command = change(container.command ?? []);
  }
  const owner = { apiVersion: "batch/v1", kind: "CronJob", name: cron.metadata!.name!, uid: cron.metadata!.uid!, controller: true };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      labels: metadata?.labels,
      annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [owner],
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
    const crons = await (await this.api.batch()).listNamespacedCronJob({ namespace: this.namespace });
    const names = new Set(crons.items.map(({ metadata }) => metadata?.name));
    return ["taskd", "taskchampion"].filter((server) => names.has(`${server}-backup`) && names.has(`${server}-restore`));
  }

  /** Whether the archives of a server are proven: with `homelab:taskServers.backup.verify`, and where the image can. */
  async proves(server: string): Promise<boolean> {
    const batch = await this.api.batch();
    return (await ifThere(batch.readNamespacedCronJob({ namespace: this.namespace, name: `${server}-verify` }))) !== undefined;
  }

  /** Runs a job made from a cron job to its end; what it printed. Throws with that when it fails. */
  async run(cronName: string, change?: (command: string[]) => string[]): Promise<string> {
    const { namespace } = this;
    const path = `/apis/batch/v1/namespaces/${namespace}`;
    const name = `${cronName}-by-hand-${randomBytes(3).toString("hex")}`;
    // A copy: the typed calls would leave out what the library does not know.
    const cron = await this.api.get<Of<"V1CronJob">>(`${path}/cronjobs/${cronName}`);
    await this.api.create(`${path}/jobs`, jobFrom(cron, name, change));
    const batch = await this.api.batch();
    const end = await within(10 * minutes, `the job ${name} of the namespace ${namespace}`, async () => {
      const job = await batch.readNamespacedJob({ namespace, name });
      return job.status?.conditions?.find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True")?.type;
    });
    const said = await this.said(name);
    if (end === "Failed") {
      throw new Error(`${cronName} failed:\n${said}`);
    }
    // Its pod would hold the server's volume: a claim that is deleted stays for as long as any pod names it.
    await batch.deleteNamespacedJob({ namespace, name, propagationPolicy: "Background" });
    return said;
  }

  /** Restarts a server's pod, so that it carries out the restore that was asked for, and waits until it is ready. Throws where it did not. */
  async restart(server: string): Promise<void> {
    const core = await this.api.core();
    const pod = { namespace: this.namespace, name: `${server}-0` };
    const old = await ifThere(core.readNamespacedPod(pod));
    if (old) {
      await core.deleteNamespacedPod(pod);
    }
    await within(5 * minutes, `the pod ${server}-0 of the namespace ${this.namespace}`, async () => {
      const now = await ifThere(core.readNamespacedPod(pod));
      const ready = now?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
      return now && now.metadata?.uid !== old?.metadata?.uid && ready ? true : undefined;
    });
    const said = await core.readNamespacedPodLog({ ...pod, container: "restore" });
    const refused = said.split("\n").find((line) => line.startsWith("not restored"));
    if (refused) {
      throw new Error(`${server}: ${refused}`);
    }
  }

  /** Whether a volume claim is there and not on its way out. */
  async hasClaim(name: string): Promise<boolean> {
    const core = await this.api.core();
    const claim = await ifThere(core.readNamespacedPersistentVolumeClaim({ namespace: this.namespace, name }));
    return claim !== undefined && claim.metadata?.deletionTimestamp === undefined;
  }

  private async said(job: string): Promise<string> {
    const { namespace } = this;
    const core = await this.api.core();
    const pods = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${job}` });
    const texts = await Promise.all(
      pods.items.map(({ metadata }) => core.readNamespacedPodLog({ namespace, name: metadata?.name ?? "" }).catch(() => "")),
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

import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import type { StackOutputs } from "../../../cli/live/lab-facts";
import type { Machine } from "../../../components/maas/api/types";
import type { TestLab } from "./lab";

/** What a lab's own logs and lists say at one moment. */
export interface LabView {
  /** By machine, what MAAS knows of it that settings are about. */
  machines: Record<string, string>;
  /** MAAS's event log. */
  events: { id: number; hostname: string; type: string }[];
  /** By node; `starts` are those of its kubelet and `cordons` those of the node, by the cluster's event log. */
  nodes: Record<string, { uid: string; labelsAndTaints: string; starts: number; cordons: number }>;
  /** `restarts` are those of its containers together. */
  pods: { uid: string; workload: string; node?: string; restarts: number }[];
  /** Generations of workloads and schedules by namespace and name. */
  generations: Record<string, number>;
  /** Identities of volumes by namespace and name. */
  volumes: Record<string, string>;
}

interface KubernetesObject {
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    generation?: number;
    labels?: Record<string, string>;
    ownerReferences?: { kind: string; name: string }[];
  };
  spec?: { nodeName?: string; taints?: { key: string; value?: string; effect: string }[] };
  status?: { containerStatuses?: { restartCount: number }[] };
}

interface KubernetesEvent {
  reason: string;
  count?: number;
  involvedObject: { name: string };
  source: { component?: string };
}

const key = ({ metadata }: KubernetesObject) => `${metadata.namespace}/${metadata.name}`;

function workloadOf({ metadata }: KubernetesObject): string {
  const [owner] = metadata.ownerReferences ?? [];
  // A ReplicaSet's name is its Deployment's with a hash.
  const name = owner?.kind === "ReplicaSet" ? owner.name.replace(/-[^-]+$/, "") : (owner?.name ?? metadata.name);
  return `${metadata.namespace}/${name}`;
}

async function maasView(lab: TestLab): Promise<Pick<LabView, "machines" | "events">> {
  const machines = await lab.maas<Machine[]>("machines/");
  const seen = machines.map(async ({ hostname, system_id, tag_names, zone, pool, ...machine }) => {
    // Lines on what the stack has made and set are no edit of somebody's.
    const description = machine.description.replace(/^\[.* by Pulumi stack .*\]$/gm, "").trim();
    const power = await lab.maas<unknown>(`machines/${system_id}/?op=power_parameters`);
    return [hostname, JSON.stringify({ system_id, tag_names, zone: zone.name, pool: pool.name, description, power })] as const;
  });
  const { events } = await lab.maas<Pick<LabView, "events">>("events/?op=query&limit=1000&level=INFO");
  return { machines: Object.fromEntries(await Promise.all(seen)), events };
}

async function clusterView(kubeconfig: string): Promise<Omit<LabView, "machines" | "events">> {
  const api = new KubernetesApi(kubeconfig);
  const list = async <T = KubernetesObject>(path: string) => (await api.get<{ items: T[] }>(path)).items;
  const kinds = ["apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets", "batch/v1/cronjobs"];
  const workloads = (await Promise.all(kinds.map((kind) => list(`/apis/${kind}`)))).flat();
  const pods = await list("/api/v1/pods");
  const log = await list<KubernetesEvent>("/api/v1/events?fieldSelector=involvedObject.kind%3DNode");
  const counted = (node: string, reason: string) =>
    log
      .filter(
        ({ involvedObject, reason: seen, source }) => involvedObject.name === node && seen === reason && source.component === "kubelet",
      )
      .reduce((sum, { count }) => sum + (count ?? 1), 0);
  const nodes = (await list("/api/v1/nodes")).map(({ metadata: { name, uid, labels }, spec }) => [
    name,
    {
      uid,
      labelsAndTaints: JSON.stringify([
        Object.entries(labels ?? {}).sort(),
        (spec?.taints ?? []).map(({ key, value, effect }) => [key, value, effect]),
      ]),
      starts: counted(name, "Starting"),
      cordons: counted(name, "NodeNotSchedulable"),
    },
  ]);
  const volumes = await list("/api/v1/persistentvolumeclaims");
  return {
    nodes: Object.fromEntries(nodes),
    pods: pods
      .filter(({ metadata }) => ["ReplicaSet", "StatefulSet", "DaemonSet"].includes(metadata.ownerReferences?.[0]?.kind ?? ""))
      .map((pod) => ({
        uid: pod.metadata.uid,
        workload: workloadOf(pod),
        node: pod.spec?.nodeName,
        restarts: (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
      })),
    generations: Object.fromEntries(workloads.map((workload) => [key(workload), workload.metadata.generation ?? 0])),
    volumes: Object.fromEntries(volumes.map((volume) => [key(volume), volume.metadata.uid])),
  };
}

/** Looks at a lab that is up: MAAS, its event log, the cluster and its. */
export async function look(lab: TestLab): Promise<LabView> {
  const { kubeconfig } = await lab.stackOutputs<StackOutputs>();
  const [maas, cluster] = await Promise.all([maasView(lab), clusterView(kubeconfig ?? "")]);
  return { ...maas, ...cluster };
}

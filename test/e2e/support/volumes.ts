import type { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { eventually } from "./lab";

interface Claim {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { volumeName?: string };
}

interface Pod {
  metadata: { name: string };
  spec: { nodeName?: string; volumes: { persistentVolumeClaim?: { claimName: string } }[] };
}

/** Kills a pod's processes without a word, as a power cut would. */
export function killPod(api: KubernetesApi, namespace: string, pod: string): Promise<void> {
  return api.delete(`/api/v1/namespaces/${namespace}/pods/${pod}?gracePeriodSeconds=0`);
}

/** Throws a task server's volume away, with all that is on it, and leaves an empty one of the same name. */
export async function loseVolume(api: KubernetesApi, namespace: string, server: string): Promise<void> {
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const claim = await api.get<Claim>(`${claims}/${server}-data`);
  await api.delete(`${claims}/${server}-data`);
  // A claim goes when no pod names it any more, ended ones of backups included; the server's next pod waits for the new one.
  await eventually(`the volume of ${server} gone`, 120, async () => {
    const { items } = await api.get<{ items: Pod[] }>(`/api/v1/namespaces/${namespace}/pods`);
    const users = items.filter(
      ({ spec }) => spec.nodeName && spec.volumes.some((one) => one.persistentVolumeClaim?.claimName === `${server}-data`),
    );
    await Promise.all(users.map(({ metadata }) => killPod(api, namespace, metadata.name).catch(() => undefined)));
    return (await api.find(`${claims}/${server}-data`)) === undefined;
  });
  const { volumeName: _, ...spec } = claim.spec;
  const { name, labels } = claim.metadata;
  await api.create(claims, { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, labels }, spec });
}

import type { KubernetesApi } from "./kubernetes-api";
import type { Of } from "./kubernetes-library";

/** The nodes that have a volume's files on their own disks. */
function nodesOf({ spec }: Of<"V1PersistentVolume">): string[] {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchExpressions = [] }) => matchExpressions.flatMap(({ values = [] }) => values));
}

/** Where all local volumes lie, as `volume on node`. */
export async function placesOfVolumes(api: KubernetesApi): Promise<string[]> {
  const { items } = await (await api.core()).listPersistentVolume();
  return items.flatMap((volume) => nodesOf(volume).map((node) => `${volume.metadata?.name} on ${node}`)).sort();
}

/** Claims whose volumes go with a node's disk, as `namespace/name`. */
export async function claimsOn(api: KubernetesApi, node: string): Promise<string[]> {
  const volumes = await (await api.core()).listPersistentVolume();
  const claims = volumes.items.filter((volume) => nodesOf(volume).includes(node)).map(({ spec }) => spec?.claimRef);
  return claims.map((claim) => `${claim?.namespace}/${claim?.name}`).sort();
}

import { createHash } from "node:crypto";
import versions from "../../../../versions.json";
import { changes, diffKind, isMap, type PropertyMap, type PropertyValue, type Provider, stripMap, topLevel } from "../protocol";

/** Fields that the API server does not take in place, by the last part of the type: a change makes the object anew. */
const fixed: Record<string, readonly string[]> = {
  ConfigMap: ["immutable"],
  ClusterRoleBinding: ["roleRef"],
  DaemonSet: ["spec.selector"],
  Deployment: ["spec.selector"],
  Job: ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  PersistentVolumeClaim: ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  ResourceQuota: ["spec.scopes"],
  RoleBinding: ["roleRef"],
  Secret: ["type", "immutable"],
  Service: ["spec.clusterIP"],
  StatefulSet: ["spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"],
  StorageClass: ["parameters", "provisioner"],
};
const identity = ["metadata.name", "metadata.namespace", "kind", "apiVersion"];

/** Whether a value that came in the place of another has the field: what is not known yet says nothing about it. */
function brings(value: PropertyValue | undefined, steps: readonly string[]): boolean {
  return steps.length === 0 || (isMap(value ?? null) && brings((value as PropertyMap)[steps[0]], steps.slice(1)));
}

/** Whether the change at `path` is one of the field: it lies in it, or is one of a part that holds it. */
function touches(path: string, field: string, news: PropertyMap): boolean {
  return within(path, field) || (within(field, path) && !path.includes("[") && brings(news, field.split(".")));
}

const within = (path: string, field: string) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);

function named(news: PropertyMap, olds: PropertyMap, name: string): PropertyMap {
  const metadata = isMap(news.metadata ?? null) ? (news.metadata as PropertyMap) : {};
  const before = isMap(olds.metadata ?? null) ? (olds.metadata as PropertyMap) : {};
  if (metadata.name !== undefined) {
    return news;
  }
  const made = `${name}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  return { ...news, metadata: { ...metadata, name: before.name ?? made } };
}

/**
 * Objects of Kubernetes compared by what the program says of them, with no cluster: what the official plugin's diff comes to
 * for objects that nobody edited by other means.
 */
export const kubernetesOnPaper: Provider = {
  name: "kubernetes",
  version: versions.pulumi.plugins.kubernetes,

  configure: () => ({ acceptSecrets: true, supportsPreview: true }),
  checkConfig: ({ news }) => ({ inputs: news }),
  diffConfig({ oldInputs, news }) {
    const [before, after] = [stripMap(oldInputs), stripMap(news)];
    const diffs = [...new Set([...changes(before, after).keys()].map(topLevel))];
    // With an identifier it is the same cluster for as long as that stays, wherever it is reached.
    const replaces = diffs.filter(
      (name) => name === "clusterIdentifier" || (before.clusterIdentifier === undefined && name === "kubeconfig"),
    );
    return { changes: diffs.length > 0 ? "some" : "none", diffs, replaces };
  },
  check: ({ news, olds, name }) => ({ inputs: named(news, olds, name) }),
  diff({ type, oldInputs, news, ignoreChanges }) {
    const fields = [...identity, ...(fixed[type.split(":").at(-1) ?? ""] ?? [])];
    const after = stripMap(news);
    const found = [...changes(stripMap(oldInputs), after)].filter(([path]) => !ignoreChanges.some((each) => within(path, each)));
    const replacing = found.filter(([path]) => fields.some((field) => touches(path, field, after))).map(([path]) => path);
    return {
      changes: found.length > 0 ? "some" : "none",
      diffs: [...new Set(found.map(([path]) => topLevel(path)))],
      replaces: replacing,
      detailedDiff: Object.fromEntries(found.map(([path, change]) => [path, { kind: diffKind(change, replacing.includes(path)) }])),
      // An object that keeps its name has to go before the new one can come.
      ...(replacing.length > 0 && !replacing.some((path) => within(path, "metadata")) ? { deleteBeforeReplace: true } : {}),
    };
  },
  create: ({ properties, name, preview }) => ({ id: preview ? "" : name, properties }),
  update: ({ news }) => ({ properties: news }),
  delete: () => undefined,
  read: ({ id, properties, inputs }) => ({ id, properties, inputs }),
};

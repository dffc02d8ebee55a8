// Creating, updating and deleting objects on the API server; waiting for them is `await/`'s.
import type { CallContext } from "../protocol";
import { ApiError, isConflict, isNotFound, sleep } from "./client";
import type { Cluster, Place } from "./cluster";
import { parsePath } from "./diff";
import { NoMatch } from "./discovery";
import { isUnapplied, ownersOf, takeOver } from "./field-owners";
import {
  annotation,
  copy,
  DELETION_PROPAGATION,
  gvkOf,
  isAnnotated,
  isCustomResourceDefinition,
  isPlain,
  type KubeObject,
  nameOf,
  PATCH_FORCE,
} from "./objects";
import { removal } from "./removed-versions";

const CONFLICT_HELP =
  "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/" +
  "#handle-field-conflicts-on-existing-resources";

const EXISTS_HELP = `

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use \`pulumi import\`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create.`;

/** The preview cannot tell more than the inputs: the object's namespace or kind will only be made. */
export class NoPreview extends Error {}

export interface WriteOptions {
  fieldManager: string;
  preview: boolean;
  serverSideApply: boolean;
  /** Take fields over from other managers whatever the object says. */
  force: boolean;
  context: CallContext;
}

/** Waits between tries of a create, in seconds: the namespace or the definition may come a moment later. */
const PAUSES = [1, 2, 4, 8, 16];

export interface CreateOptions extends WriteOptions {
  /** Sets some fields of an object that is, or is to be, somebody else's. */
  isPatch: boolean;
  /** Takes an object that is there already, as an update that was cut short leaves it. */
  adopt: boolean;
}

/** Makes the object. */
export async function createObject(cluster: Cluster, inputs: KubeObject, options: CreateOptions): Promise<KubeObject> {
  const { context, preview } = options;
  for (let attempt = 0; ; attempt++) {
    try {
      const place = await cluster.placeOf(inputs);
      return await createOnce(cluster, place, placed(inputs, place), options);
    } catch (error) {
      const gone = error instanceof NoMatch ? removal(gvkOf(inputs)) : undefined;
      if (gone) {
        throw new Error(gone);
      }
      const missing = isNotFound(error) || error instanceof NoMatch;
      if (preview || !missing || attempt >= PAUSES.length) {
        throw preview && missing ? new NoPreview() : error;
      }
      context.status(`Retry #${attempt}; creation failed: ${(error as Error).message}`);
      await sleep(PAUSES[attempt] * 1000, context.signal).catch(() => {
        throw error;
      });
    }
  }
}

async function createOnce(cluster: Cluster, place: Place, inputs: KubeObject, options: CreateOptions): Promise<KubeObject> {
  const { preview, fieldManager } = options;
  const write = { fieldManager, dryRun: preview };
  try {
    if (!options.isPatch) {
      return await cluster.create(place, inputs, { ...write, force: false });
    }
    return await cluster.apply(place, inputs, { ...write, force: preview || options.force || isAnnotated(inputs, PATCH_FORCE) });
  } catch (error) {
    if (error instanceof ApiError && error.reason === "AlreadyExists") {
      if (options.adopt && !preview) {
        return updateObject(cluster, inputs, await cluster.get(place), { ...options, ignoreChanges: [], oldInputs: {} });
      }
      // In a preview the old object is still there where the new one will be.
      throw preview ? new NoPreview() : new Error(`${error.message}${EXISTS_HELP}`);
    }
    if (preview && error instanceof ApiError && error.code === 403 && error.reason === "Forbidden") {
      throw new NoPreview();
    }
    throw conflict(error, fieldManager);
  }
}

async function exists(cluster: Cluster, place: Place): Promise<boolean> {
  try {
    await cluster.get(place);
    return true;
  } catch (error) {
    if (isNotFound(error)) {
      return false;
    }
    throw error;
  }
}

/** The object without a namespace where its kind has none, since Check may have guessed. */
function placed(inputs: KubeObject, place: Place): KubeObject {
  if (place.mapping.namespaced || !isPlain(inputs.metadata)) {
    return inputs;
  }
  const { namespace: _, ...metadata } = inputs.metadata;
  return { ...inputs, metadata };
}

/** Changes the object to the inputs and answers what the API server made of it. */
export async function updateObject(
  cluster: Cluster,
  inputs: KubeObject,
  live: KubeObject,
  options: WriteOptions & { isPatch: boolean; ignoreChanges: readonly string[]; oldInputs: KubeObject },
): Promise<KubeObject> {
  const { preview, fieldManager } = options;
  const place = await cluster.placeOf(inputs, nameOf(live));
  const write = { fieldManager, dryRun: preview };
  if (isCustomResourceDefinition(inputs)) {
    const metadata = { ...inputs.metadata, resourceVersion: live.metadata.resourceVersion };
    return cluster.replace(place, { ...inputs, metadata }, { ...write, force: false });
  }
  if (!options.serverSideApply) {
    return cluster.patch(place, mergePatch(options.oldInputs, inputs), "application/merge-patch+json", write);
  }
  let current = live;
  let force = options.force || isAnnotated(inputs, PATCH_FORCE);
  if (!options.isPatch) {
    if (preview) {
      force ||= isUnapplied(live);
    } else {
      current = await takeFields(cluster, place, live, fieldManager);
    }
  }
  const desired = keepIgnored(placed(inputs, place), current, options.ignoreChanges, fieldManager);
  try {
    return await cluster.apply(place, desired, { ...write, force });
  } catch (error) {
    throw conflict(error, fieldManager);
  }
}

async function takeFields(cluster: Cluster, place: Place, live: KubeObject, manager: string): Promise<KubeObject> {
  const managedFields = takeOver(live, manager);
  if (!managedFields) {
    return live;
  }
  const operations = [
    { op: "replace", path: "/metadata/managedFields", value: managedFields },
    { op: "replace", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion },
  ];
  return cluster.patch(place, operations, "application/json-patch+json", { dryRun: false });
}

/** Sends ignored fields as they are on the API server, or leaves them to the manager that owns them. */
function keepIgnored(inputs: KubeObject, live: KubeObject, ignored: readonly string[], manager: string): KubeObject {
  const result = copy(inputs);
  for (const path of ignored.map(parsePath)) {
    const owners = ownersOf(live, path, manager);
    const value = path.reduce<any>((part, step) => part?.[step], live);
    const parent = path.slice(0, -1).reduce<any>((part, step) => part?.[step], result);
    const last = path[path.length - 1];
    if (parent === undefined || parent === null || last === "*") {
      continue;
    }
    if (owners.theirs && !owners.ours) {
      delete parent[last];
    } else if (value !== undefined) {
      parent[last] = copy(value);
    }
  }
  return result;
}

/** RFC 7396: what has to be sent to turn one object into the other. */
function mergePatch(from: KubeObject, to: KubeObject): KubeObject {
  const patch: KubeObject = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (!(key in to)) {
      patch[key] = null;
    } else if (isPlain(from[key]) && isPlain(to[key])) {
      patch[key] = mergePatch(from[key], to[key]);
    } else {
      patch[key] = to[key];
    }
  }
  return patch;
}

function conflict(error: unknown, fieldManager: string): unknown {
  return isConflict(error)
    ? new Error(
        `server-side apply field conflict detected, see ${CONFLICT_HELP} for troubleshooting help\n` +
          `The resource managed by field manager ${JSON.stringify(fieldManager)} had an apply conflict: ${(error as Error).message}`,
      )
    : error;
}

/** Gives up the fields that `manager` owns in an object; fields that nobody else owns go. */
export async function relinquish(cluster: Cluster, object: KubeObject, name: string, manager: string): Promise<void> {
  const place = await cluster.placeOf(object, name);
  const bare = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { name, ...(place.namespace ? { namespace: place.namespace } : {}) },
  };
  if (await exists(cluster, place)) {
    await cluster.apply(place, bare, { fieldManager: manager, force: false, dryRun: false });
  }
}

/** How dependents go when an object is deleted: with it in the foreground, unless the object says otherwise. */
export function propagationOf(inputs: KubeObject): string {
  const wanted = annotation(inputs, DELETION_PROPAGATION)?.toLowerCase();
  return wanted === "background" ? "Background" : wanted === "orphan" ? "Orphan" : "Foreground";
}

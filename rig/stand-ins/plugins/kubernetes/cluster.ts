// One API server: reading, applying and deleting objects.
import type { Client, RequestOptions, WatchEvent } from "./client";
import { Discovery, type Mapping } from "./discovery";
import { gvkOf, type KubeObject, nameOf, namespaceOf } from "./objects";

/** How to write. A write is not cut short: what the API server has taken must be known. */
export interface ApplyOptions {
  fieldManager: string;
  /** Takes fields over that other managers own. */
  force: boolean;
  dryRun: boolean;
}

/** An object's place on the API server. */
export interface Place {
  mapping: Mapping;
  namespace: string;
  name: string;
}

export class Cluster {
  readonly discovery: Discovery;

  constructor(readonly client: Client) {
    this.discovery = new Discovery(client);
  }

  /** Where the object lies; throws `NoMatch` for a kind that the API server does not have. */
  async placeOf(object: KubeObject, name: string = nameOf(object)): Promise<Place> {
    const mapping = await this.discovery.mapping(gvkOf(object));
    return { mapping, namespace: mapping.namespaced ? namespaceOf(object) || "default" : "", name };
  }

  get(place: Place, signal?: AbortSignal): Promise<KubeObject> {
    return this.client.request(objectPath(place), { signal });
  }

  create(place: Place, object: KubeObject, { fieldManager, dryRun }: ApplyOptions): Promise<KubeObject> {
    return this.client.request(collectionPath(place.mapping, place.namespace), {
      method: "POST",
      query: { fieldManager, ...dry(dryRun) },
      body: object,
    });
  }

  /** Server-side apply. https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
  apply(place: Place, object: KubeObject, { fieldManager, force, dryRun }: ApplyOptions): Promise<KubeObject> {
    return this.client.request(objectPath(place), {
      method: "PATCH",
      contentType: "application/apply-patch+yaml",
      query: { fieldManager, force: String(force), fieldValidation: "Warn", ...dry(dryRun) },
      body: object,
    });
  }

  patch(place: Place, body: unknown, contentType: string, options: { fieldManager?: string; dryRun: boolean }): Promise<KubeObject> {
    return this.client.request(objectPath(place), {
      method: "PATCH",
      contentType,
      query: { fieldManager: options.fieldManager, ...dry(options.dryRun) },
      body,
    });
  }

  replace(place: Place, object: KubeObject, { fieldManager, dryRun }: ApplyOptions): Promise<KubeObject> {
    return this.client.request(objectPath(place), { method: "PUT", query: { fieldManager, ...dry(dryRun) }, body: object });
  }

  delete(place: Place, propagationPolicy: string): Promise<KubeObject> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy };
    return this.client.request(objectPath(place), { method: "DELETE", body });
  }

  /** The objects of a collection, narrowed by selectors. */
  async list(mapping: Mapping, namespace: string, selectors: Selectors, options: RequestOptions = {}): Promise<KubeObject[]> {
    const answer = await this.client.request<{ items?: KubeObject[] }>(collectionPath(mapping, namespace), {
      ...options,
      query: { ...selectors },
    });
    return answer.items ?? [];
  }

  watch(
    mapping: Mapping,
    namespace: string,
    query: Selectors & { timeoutSeconds?: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    return this.client.watch(collectionPath(mapping, namespace), { ...query }, signal);
  }
}

export interface Selectors {
  labelSelector?: string;
  fieldSelector?: string;
}

const dry = (dryRun: boolean): { dryRun?: string } => (dryRun ? { dryRun: "All" } : {});

function collectionPath({ root, resource, namespaced }: Mapping, namespace: string): string {
  return namespaced && namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}` : `${root}/${resource}`;
}

const objectPath = ({ mapping, namespace, name }: Place): string => `${collectionPath(mapping, namespace)}/${encodeURIComponent(name)}`;

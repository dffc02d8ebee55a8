// The provider after Configure: its settings, and the API server where there is one.
import type { CallContext, PropertyMap } from "../protocol";
import { awaitReady } from "./await";
import { fieldManager, readCheckpoint } from "./checkpoint";
import { Client } from "./client";
import { Cluster } from "./cluster";
import { isNamespacedByName, NoMatch } from "./discovery";
import { connectionOf, loadKubeconfig } from "./kubeconfig";
import { isKnownVersion } from "./normalize";
import { apiVersionOf, gvkOf, type KubeObject } from "./objects";
import type { ProviderSettings } from "./settings";
import type { WriteOptions } from "./write";

/** What to do about objects of a cluster that is gone. */
export const UNREACHABLE_HINT =
  "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the " +
  'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';

export class Session {
  /** Scope of kinds that definitions of this program bring, `<group>/<kind>` to whether it is namespaced. */
  private readonly definitions = new Map<string, boolean>();

  private constructor(
    readonly settings: ProviderSettings,
    /** Namespace for what has none; empty where no kubeconfig gives one. */
    readonly defaultNamespace: string,
    readonly cluster: Cluster | undefined,
    /** Why there is no cluster to talk to. */
    readonly unreachable: string,
  ) {}

  /** A kubeconfig that leads nowhere is no error yet: previews pass, and nothing may ever use the provider. */
  static async connect(settings: ProviderSettings, signal?: AbortSignal): Promise<Session> {
    let namespace = settings.namespace ?? "";
    try {
      const connection = connectionOf(loadKubeconfig(settings.kubeconfig), settings);
      namespace = connection.namespace;
      const client = new Client(connection, settings.requestTimeout);
      try {
        // The official plugin fetches the whole schema here; users know the error by that address.
        await client.request("/api/v1", { signal, called: "/openapi/v2?timeout=32s" });
      } catch (error) {
        client.close();
        throw new Error(`unable to load schema information from the API server: ${(error as Error).message}`);
      }
      return new Session(settings, namespace, new Cluster(client), "");
    } catch (error) {
      return new Session(settings, namespace, undefined, (error as Error).message);
    }
  }

  /** The cluster, for what cannot do without. */
  reachable(): Cluster {
    if (!this.cluster) {
      throw new Error(`configured Kubernetes cluster is unreachable: ${this.unreachable}`);
    }
    return this.cluster;
  }

  /** Remembers the kind that a definition of the program will bring. */
  define(definition: KubeObject): void {
    this.definitions.set(`${definition.spec?.group}/${definition.spec?.names?.kind}`, definition.spec?.scope !== "Cluster");
  }

  /** Whether the kind lives in namespaces; kinds nobody knows yet are taken to. */
  async isNamespaced(object: KubeObject): Promise<boolean> {
    const gvk = gvkOf(object);
    if (isKnownVersion(apiVersionOf(gvk))) {
      return isNamespacedByName(gvk.kind);
    }
    const defined = this.definitions.get(`${gvk.group}/${gvk.kind}`);
    if (defined !== undefined || !this.cluster) {
      return defined ?? true;
    }
    try {
      return (await this.cluster.discovery.mapping(gvk)).namespaced;
    } catch (error) {
      if (error instanceof NoMatch) {
        return true;
      }
      throw error;
    }
  }

  /** The name under which the object's fields are owned. */
  managerOf(inputs: KubeObject, state?: PropertyMap): string {
    return this.settings.serverSideApply ? fieldManager(inputs, state && readCheckpoint(state)) : "pulumi-kubernetes";
  }

  writeOptions(manager: string, preview: boolean, context: CallContext): WriteOptions {
    const { serverSideApply, patchForce } = this.settings;
    return { fieldManager: manager, preview, serverSideApply, force: patchForce, context };
  }

  /** Waits for the object and reads it once more; a failed wait leaves the object as it is now. */
  async settle(
    inputs: KubeObject,
    made: KubeObject,
    request: { timeout: number; isUpdate: boolean },
    context: CallContext,
  ): Promise<{ live: KubeObject; failure?: Error }> {
    const cluster = this.reachable();
    const place = await cluster.placeOf(made);
    let failure: Error | undefined;
    try {
      await awaitReady({ cluster, place, inputs, context, isUpdate: request.isUpdate }, request.timeout);
    } catch (error) {
      failure = error as Error;
    }
    return { live: await cluster.get(place).catch(() => made), failure };
  }

  /** Tells of a lost cluster; whether its objects are to be given up. */
  givesUp(context: CallContext): boolean {
    context.log("warning", `configured Kubernetes cluster is unreachable: ${this.unreachable}`);
    if (this.settings.deleteUnreachable) {
      context.log(
        "info",
        "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. Deleting the unreachable resource from Pulumi state",
      );
    }
    return this.settings.deleteUnreachable;
  }

  close(): void {
    this.cluster?.client.close();
  }
}

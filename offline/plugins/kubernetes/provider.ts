// The kubernetes provider: pulumirpc.ResourceProvider on top of an API server.
import {
  type CallContext,
  type CheckRequest,
  type CheckResponse,
  type ConfigureRequest,
  type ConfigureResponse,
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type DiffRequest,
  type DiffResponse,
  hasSecret,
  type PropertyMap,
  type Provider,
  type ReadRequest,
  type ReadResponse,
  ResourceInitFailed,
  type UpdateRequest,
} from "../protocol";
import { AwaitError, awaitReady } from "./await";
import { deleteAndWait } from "./await/deleted";
import { assignName, labelManaged } from "./check";
import { fieldManager, markSecrets, readCheckpoint, writeCheckpoint } from "./checkpoint";
import { ApiError, Client, isNotFound } from "./client";
import { Cluster } from "./cluster";
import { detailedDiff, withoutIgnored } from "./diff";
import { isNamespacedByName, NoMatch } from "./discovery";
import { importedInputs } from "./import";
import { connectionOf, loadKubeconfig } from "./kubeconfig";
import { isKnownVersion, normalize } from "./normalize";
import {
  apiVersionOf,
  copy,
  gvkOf,
  gvkOfType,
  hasUnknown,
  idOf,
  isCustomResourceDefinition,
  isPatchType,
  type KubeObject,
  nameOf,
  namespaceOf,
  parseId,
  setMetadata,
  toObject,
  toProperties,
} from "./objects";
import { prune } from "./prune";
import { removeRendered, render, renderPath } from "./render";
import { replacingFields } from "./replacements";
import { checkSettings, diffSettings, type ProviderSettings, readSettings } from "./settings";
import { createObject, NoPreview, propagationOf, relinquish, updateObject, type WriteOptions } from "./write";

const UNREACHABLE_HINT =
  "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the " +
  'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';

export class KubernetesProvider implements Provider {
  readonly name = "kubernetes";
  private settings: ProviderSettings = readSettings({});
  private cluster: Cluster | undefined;
  /** Why there is no cluster to talk to. */
  private unreachable = "the provider is not configured";
  /** Namespace for what has none; none where objects are only written to files. */
  private defaultNamespace = "";
  /** Scope of kinds that definitions of this program bring, `<group>/<kind>` to whether it is namespaced. */
  private readonly definitions = new Map<string, boolean>();

  constructor(readonly version: string) {}

  checkConfig(request: CheckRequest): CheckResponse {
    return checkSettings(request.urn, request.news);
  }

  diffConfig(request: DiffRequest): DiffResponse {
    return diffSettings(request.oldInputs, request.news);
  }

  async configure(request: ConfigureRequest, context: CallContext): Promise<ConfigureResponse> {
    this.settings = readSettings(request.variables);
    await this.connect(context);
    return { acceptSecrets: true, supportsPreview: true, supportsAutonamingConfiguration: true };
  }

  /** A kubeconfig that leads nowhere is no error yet: previews pass, and nothing may ever use the provider. */
  private async connect(context: CallContext): Promise<void> {
    this.cluster?.client.close();
    this.cluster = undefined;
    this.defaultNamespace = this.settings.namespace ?? "";
    try {
      const connection = connectionOf(loadKubeconfig(this.settings.kubeconfig), this.settings);
      this.defaultNamespace = connection.namespace;
      const client = new Client(connection);
      try {
        await client.request("/api/v1", { signal: context.signal, called: "/openapi/v2?timeout=32s" });
      } catch (error) {
        client.close();
        throw new Error(`unable to load schema information from the API server: ${(error as Error).message}`);
      }
      this.cluster = new Cluster(client);
    } catch (error) {
      this.unreachable = (error as Error).message;
    }
  }

  async check(request: CheckRequest, context: CallContext): Promise<CheckResponse> {
    const { olds, news, type } = request;
    if (!this.cluster && this.settings.skipUpdateUnreachable && !this.settings.renderYamlToDirectory && Object.keys(olds).length > 0) {
      context.log("warning", "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...");
      return { inputs: olds };
    }
    const gvk = gvkOfType(type);
    if (/List$/.test(gvk.kind) && isKnownVersion(apiVersionOf(gvk))) {
      throw new Error(
        "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created directly. " +
          "Use the underlying resource type instead",
      );
    }
    const inputs = normalize(toObject(news));
    const isPatch = isPatchType(type, inputs.kind);
    if (isPatch && !this.settings.serverSideApply) {
      throw new Error("patch resources require Server-Side Apply mode, which is enabled using the `enableServerSideApply` Provider config");
    }
    const old = Object.keys(olds).length > 0 ? toObject(olds) : undefined;
    if (isPatch) {
      if (nameOf(inputs) === "" && !hasUnknown(inputs.metadata)) {
        throw new Error("patch resources require the `.metadata.name` field to be set");
      }
    } else {
      assignName(inputs, old, request);
    }
    if (!this.settings.serverSideApply) {
      labelManaged(inputs, old);
    }
    if (this.defaultNamespace && inputs.metadata?.namespace === undefined && (await this.isNamespaced(inputs, context))) {
      setMetadata(inputs, "namespace", this.defaultNamespace);
    }
    if (isCustomResourceDefinition(inputs)) {
      this.definitions.set(`${inputs.spec?.group}/${inputs.spec?.names?.kind}`, inputs.spec?.scope !== "Cluster");
    }
    const checked = markSecrets(toProperties(inputs), news);
    if (this.settings.renderYamlToDirectory && hasSecret(checked)) {
      context.log("warning", "rendered YAML will contain a secret value in plaintext");
    }
    return { inputs: checked };
  }

  /** Whether the kind lives in namespaces; kinds nobody knows yet are taken to. */
  private async isNamespaced(object: KubeObject, context: CallContext): Promise<boolean> {
    const gvk = gvkOf(object);
    if (isKnownVersion(apiVersionOf(gvk))) {
      return isNamespacedByName(gvk.kind);
    }
    const defined = this.definitions.get(`${gvk.group}/${gvk.kind}`);
    if (defined !== undefined || !this.cluster) {
      return defined ?? true;
    }
    try {
      return (await this.cluster.discovery.mapping(gvk, context.signal)).namespaced;
    } catch (error) {
      if (error instanceof NoMatch) {
        return true;
      }
      throw error;
    }
  }

  async diff(request: DiffRequest, context: CallContext): Promise<DiffResponse> {
    const { inputs: oldInputs, live } = readCheckpoint(request.olds);
    const next = normalize(toObject(request.news));
    const old = prune(live, normalize(oldInputs));
    await this.alignNamespaces(old, next, context);
    for (const key of ["apiVersion", "kind"]) {
      old[key] ??= next[key];
    }
    if (nameOf(next)) {
      setMetadata(old, "name", nameOf(live));
    }
    const isPatch = isPatchType(request.type, next.kind);
    const mutable = { configMaps: this.settings.mutableConfigMaps, secrets: this.settings.mutableSecrets };
    const detail = withoutIgnored(detailedDiff(old, next, replacingFields(next, mutable, isPatch)), request.ignoreChanges);
    const replaces = Object.keys(detail)
      .filter((path) => detail[path].kind.endsWith("-replace") || (path === "metadata" && detail[path].kind === "delete"))
      .sort();
    // An object that keeps its name has to go before the new one can come.
    const keepsName =
      nameOf(next) !== "" &&
      next.metadata?.annotations?.["pulumi.com/autonamed"] !== "true" &&
      nameOf(next) === nameOf(live) &&
      namespaceOf(next) === namespaceOf(live);
    return {
      changes: Object.keys(detail).length > 0 ? "some" : "none",
      detailedDiff: detail,
      ...(replaces.length > 0 ? { replaces, ...(keepsName ? { deleteBeforeReplace: true } : {}) } : {}),
    };
  }

  private async alignNamespaces(old: KubeObject, next: KubeObject, context: CallContext): Promise<void> {
    const namespaced = await this.isNamespaced(next, context);
    for (const object of [old, next]) {
      if (namespaced && object.metadata?.namespace === undefined) {
        setMetadata(object, "namespace", "default");
      } else if (!namespaced && object.metadata) {
        delete object.metadata.namespace;
      }
    }
  }

  async create(request: CreateRequest, context: CallContext): Promise<CreateResponse> {
    const { properties, preview, type } = request;
    const inputs = toObject(properties);
    const isPatch = isPatchType(type, inputs.kind);
    const directory = this.settings.renderYamlToDirectory;
    if (preview && (directory || !this.cluster || isPatch || hasUnknown(inputs) || !this.settings.serverSideApply)) {
      return { id: "", properties };
    }
    const about = { initialApiVersion: String(inputs.apiVersion), fieldManager: this.managerOf(inputs) };
    if (directory) {
      await this.renderFile(directory, inputs, properties, context);
      return { id: idOf(inputs), properties: writeCheckpoint(inputs, inputs, properties, about) };
    }
    const cluster = this.reachable();
    let made: KubeObject;
    try {
      made = await createObject(cluster, inputs, {
        ...this.writeOptions(about.fieldManager, preview, context),
        adopt: isPatch || this.settings.upsertExistingObjects,
      });
    } catch (error) {
      if (error instanceof NoPreview) {
        return { id: "", properties };
      }
      throw new Error(createFailure(error, request));
    }
    if (preview) {
      const { status: _, ...shown } = made;
      return { id: "", properties: writeCheckpoint(inputs, shown, properties, about) };
    }
    const { live, failure } = await this.settle(inputs, made, request.timeout, false, context);
    const state = writeCheckpoint(inputs, live, properties, about);
    if (failure) {
      const text = `resource ${JSON.stringify(request.urn)} was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: ${failure.message}`;
      throw new ResourceInitFailed({ id: idOf(live), properties: state, reasons: [text, ...reasonsOf(failure)], message: text });
    }
    if (isCustomResourceDefinition(inputs)) {
      cluster.discovery.forget();
    }
    return { id: idOf(live), properties: state };
  }

  async update(request: UpdateRequest, context: CallContext): Promise<{ properties: PropertyMap }> {
    const { news, preview, type } = request;
    const inputs = normalize(toObject(news));
    const directory = this.settings.renderYamlToDirectory;
    if (preview && (directory || !this.cluster || hasUnknown(inputs))) {
      return { properties: news };
    }
    const old = readCheckpoint(request.olds);
    const manager = this.managerOf(inputs, request.olds);
    const about = { initialApiVersion: old.initialApiVersion ?? String(inputs.apiVersion), fieldManager: manager };
    if (directory) {
      await this.renderFile(directory, inputs, news, context);
      return { properties: writeCheckpoint(inputs, inputs, news, about) };
    }
    const cluster = this.reachable();
    const isPatch = isPatchType(type, inputs.kind);
    let made: KubeObject;
    let failure: Error | undefined;
    try {
      const place = await cluster.placeOf(inputs, nameOf(old.live), context.signal);
      const current = await cluster.get(place, context.signal);
      try {
        const options = {
          ...this.writeOptions(manager, preview, context),
          isPatch,
          ignoreChanges: request.ignoreChanges,
          oldInputs: prune(old.live, old.inputs),
        };
        made = await updateObject(cluster, inputs, current, options);
      } catch (error) {
        if (preview && error instanceof ApiError && error.reason === "Forbidden") {
          return { properties: news };
        }
        failure = error as Error;
        made = current;
      }
    } catch (error) {
      if (preview && error instanceof NoMatch) {
        return { properties: news };
      }
      throw new Error(updateFailure(error, request.urn));
    }
    let live = made;
    if (!preview && !failure) {
      ({ live, failure } = await this.settle(inputs, made, request.timeout, true, context));
    }
    const state = writeCheckpoint(inputs, live, news, about);
    if (failure) {
      const text = `the Kubernetes API server reported that ${JSON.stringify(idOf(live))} failed to fully initialize or become live: ${failure.message}`;
      throw new ResourceInitFailed({ id: idOf(live), properties: state, reasons: [text, ...reasonsOf(failure)], message: text });
    }
    if (!preview && this.settings.serverSideApply && old.fieldManager && old.fieldManager !== manager) {
      await relinquish(cluster, inputs, nameOf(live), old.fieldManager, context.signal);
    }
    return { properties: state };
  }

  async read(request: ReadRequest, context: CallContext): Promise<ReadResponse> {
    const gone: ReadResponse = { id: "", properties: {}, inputs: {} };
    if (!this.cluster) {
      context.log("warning", `configured Kubernetes cluster is unreachable: ${this.unreachable}`);
      if (this.settings.deleteUnreachable) {
        context.log("info", this.deletingUnreachable());
        return gone;
      }
      if (this.settings.skipUpdateUnreachable) {
        context.log(
          "info",
          "configured Kubernetes cluster is unreachable and the `skipUnreachable` option is enabled. Returned data could not reflect the actual cluster configuration.",
        );
        return { id: request.id, properties: request.properties, inputs: request.inputs };
      }
      throw new Error(`failed to read resource state due to unreachable cluster. ${UNREACHABLE_HINT}`);
    }
    const { namespace, name } = parseId(request.id);
    if (name === "") {
      throw new Error(`failed to read resource because of a failure to parse resource name from request ID: ${request.id}`);
    }
    const old = readCheckpoint(request.properties);
    const oldInputs = normalize(toObject(request.inputs));
    const isImport = oldInputs.kind === undefined && old.live.kind === undefined;
    if (oldInputs.kind === undefined) {
      const gvk = gvkOfType(request.type);
      const kind = gvk.kind.endsWith("Patch") ? gvk.kind.slice(0, -"Patch".length) : gvk.kind;
      oldInputs.apiVersion = old.live.apiVersion ?? apiVersionOf(gvk);
      oldInputs.kind = old.live.kind ?? kind;
      oldInputs.metadata ??= { name, ...(namespace ? { namespace } : {}) };
    }
    const target = copy(oldInputs);
    setMetadata(target, "namespace", namespace || namespaceOf(oldInputs));
    let live: KubeObject;
    try {
      live = await this.cluster.get(await this.cluster.placeOf(target, name, context.signal), context.signal);
    } catch (error) {
      if (isNotFound(error) || error instanceof NoMatch) {
        return gone;
      }
      throw error;
    }
    const liveInputs = isImport ? importedInputs(live) : prune(live, oldInputs);
    const about = {
      initialApiVersion: old.initialApiVersion ?? String(oldInputs.apiVersion),
      fieldManager: this.managerOf(oldInputs, request.properties),
    };
    return {
      id: request.id,
      properties: writeCheckpoint(liveInputs, live, request.inputs, about),
      inputs: markSecrets(toProperties(liveInputs), request.inputs),
    };
  }

  async delete(request: DeleteRequest, context: CallContext): Promise<void> {
    const { inputs, live, fieldManager: manager } = readCheckpoint(request.properties);
    const directory = this.settings.renderYamlToDirectory;
    if (directory) {
      context.status(`deleted ${await removeRendered(directory, live)}`);
      return;
    }
    if (!this.cluster) {
      context.log("warning", `configured Kubernetes cluster is unreachable: ${this.unreachable}`);
      if (this.settings.deleteUnreachable) {
        context.log("info", this.deletingUnreachable());
        return;
      }
      throw new Error(`configured Kubernetes cluster is unreachable. ${UNREACHABLE_HINT}`);
    }
    const object = inputs.kind === undefined ? live : inputs;
    const { name } = parseId(request.id);
    try {
      if (isPatchType(request.type, object.kind)) {
        await relinquish(this.cluster, object, name, manager ?? "", context.signal);
        return;
      }
      const place = await this.cluster.placeOf(object, name, context.signal);
      await deleteAndWait({ cluster: this.cluster, place, inputs: object, context }, propagationOf(object), request.timeout);
    } catch (error) {
      // Where the kind is gone, so are its objects.
      if (!(error instanceof NoMatch) && !isNotFound(error)) {
        throw deleteFailure(error, request.type, object);
      }
    }
  }

  /** Waits for the object and reads it once more; a failed wait leaves the object as it is now. */
  private async settle(inputs: KubeObject, made: KubeObject, timeout: number, isUpdate: boolean, context: CallContext) {
    const cluster = this.reachable();
    const place = await cluster.placeOf(made);
    let failure: Error | undefined;
    try {
      await awaitReady({ cluster, place, inputs, context, isUpdate }, timeout);
    } catch (error) {
      failure = error as Error;
    }
    return { live: await cluster.get(place).catch(() => made), failure };
  }

  private reachable(): Cluster {
    if (!this.cluster) {
      throw new Error(`configured Kubernetes cluster is unreachable: ${this.unreachable}`);
    }
    return this.cluster;
  }

  private managerOf(inputs: KubeObject, state?: PropertyMap): string {
    return this.settings.serverSideApply ? fieldManager(inputs, state && readCheckpoint(state)) : "pulumi-kubernetes";
  }

  private writeOptions(manager: string, preview: boolean, context: CallContext): WriteOptions {
    return { fieldManager: manager, preview, serverSideApply: this.settings.serverSideApply, force: this.settings.patchForce, context };
  }

  private deletingUnreachable(): string {
    return "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. Deleting the unreachable resource from Pulumi state";
  }

  private async renderFile(directory: string, inputs: KubeObject, properties: PropertyMap, context: CallContext): Promise<void> {
    if (hasSecret(properties)) {
      context.log("warning", `rendered file ${renderPath(directory, inputs)} contains a secret value in plaintext`);
    }
    context.status(`rendered ${await render(directory, inputs)}`);
  }
}

const reasonsOf = (failure: Error): readonly string[] => (failure instanceof AwaitError ? failure.reasons : []);

function createFailure(error: unknown, { urn, type }: CreateRequest): string {
  const { message } = error as Error;
  if (error instanceof NoMatch) {
    const gvk = gvkOfType(type);
    return `creation of resource ${JSON.stringify(urn)} with kind ${apiVersionOf(gvk)}/${gvk.kind} failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${message}`;
  }
  return `resource ${JSON.stringify(urn)} was not successfully created by the Kubernetes API server: ${message}`;
}

function updateFailure(error: unknown, urn: string): string {
  const { message } = error as Error;
  return error instanceof NoMatch
    ? `update of resource ${JSON.stringify(urn)} failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${message}`
    : `update of resource ${JSON.stringify(urn)} failed: ${message}`;
}

function deleteFailure(error: unknown, type: string, object: KubeObject): unknown {
  if (isPatchType(type, object.kind) && error instanceof ApiError) {
    const required = ((error.details.causes ?? []) as KubeObject[]).find(({ reason }) => reason === "FieldValueRequired");
    if (required) {
      return new Error(
        "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the " +
          `\`retainOnDelete\` resource option, or transfer ownership of the field before deleting: ${required.field}`,
      );
    }
  }
  return error instanceof AwaitError ? new Error([error.message, ...error.reasons].join(": ")) : error;
}

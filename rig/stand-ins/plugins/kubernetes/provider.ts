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
  type InvokeRequest,
  type InvokeResponse,
  type PropertyMap,
  type Provider,
  plain,
  type ReadRequest,
  type ReadResponse,
  Unknown,
  type UpdateRequest,
} from "../protocol";
import { conditionOf, isTrue } from "./await/pods";
import { assignName, labelManaged } from "./check";
import { markSecrets, readCheckpoint } from "./checkpoint";
import { create } from "./create";
import { decodeYaml } from "./decode";
import { remove } from "./delete";
import { detailedDiff, withoutIgnored } from "./diff";
import { isKnownVersion, normalize } from "./normalize";
import {
  AUTONAMED,
  apiVersionOf,
  gvkOf,
  gvkOfType,
  hasUnknown,
  isAnnotated,
  isCustomResourceDefinition,
  isPatchType,
  type KubeObject,
  nameOf,
  namespaceOf,
  REPLACE_UNREADY,
  setMetadata,
  toObject,
  toProperties,
} from "./objects";
import { prune } from "./prune";
import { read } from "./read";
import { replacingFields } from "./replacements";
import { Session } from "./session";
import { checkSettings, diffSettings, readSettings } from "./settings";
import { update } from "./update";

export class KubernetesProvider implements Provider {
  readonly name = "kubernetes";
  private configured: Session | undefined;

  constructor(readonly version: string) {}

  private get session(): Session {
    if (!this.configured) {
      throw new Error("the kubernetes provider is not configured");
    }
    return this.configured;
  }

  checkConfig(request: CheckRequest): CheckResponse {
    return checkSettings(request.urn, request.news);
  }

  diffConfig(request: DiffRequest): DiffResponse {
    return diffSettings(request.oldInputs, request.news);
  }

  async configure(request: ConfigureRequest, context: CallContext): Promise<ConfigureResponse> {
    this.configured?.close();
    this.configured = await Session.connect(readSettings(request.variables), context.signal);
    return { acceptSecrets: true, supportsPreview: true, supportsAutonamingConfiguration: true };
  }

  async check(request: CheckRequest, context: CallContext): Promise<CheckResponse> {
    const { session } = this;
    const { olds, news, type } = request;
    const { serverSideApply, skipUpdateUnreachable, renderYamlToDirectory } = session.settings;
    if (!session.cluster && skipUpdateUnreachable && !renderYamlToDirectory && Object.keys(olds).length > 0) {
      context.log("warning", "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...");
      return { inputs: olds };
    }
    refuseUnsupported(type);
    const inputs = normalize(toObject(news));
    const old = Object.keys(olds).length > 0 ? toObject(olds) : undefined;
    if (isPatchType(type, inputs.kind)) {
      checkPatch(inputs, serverSideApply);
    } else {
      assignName(inputs, old, request);
    }
    if (!serverSideApply) {
      labelManaged(inputs, old);
    }
    const isOpen = inputs.metadata?.namespace === undefined && !(inputs.metadata instanceof Unknown);
    if (session.defaultNamespace && isOpen && (await this.wantsNamespace(inputs, context))) {
      setMetadata(inputs, "namespace", session.defaultNamespace);
    }
    if (isCustomResourceDefinition(inputs)) {
      session.define(inputs);
    }
    const checked = markSecrets(toProperties(inputs), news);
    if (renderYamlToDirectory && hasSecret(checked)) {
      context.log("warning", "rendered YAML will contain a secret value in plaintext");
    }
    return { inputs: checked };
  }

  /** Files go without a namespace where no API server can say that there is one. */
  private async wantsNamespace(inputs: KubeObject, context: CallContext): Promise<boolean> {
    const { cluster, settings } = this.session;
    const gvk = gvkOf(inputs);
    if (settings.renderYamlToDirectory && !cluster && !isKnownVersion(apiVersionOf(gvk))) {
      context.log(
        "warning",
        `no API server can say whether ${apiVersionOf(gvk)}/${gvk.kind} lives in namespaces; its file is written without one`,
      );
      return false;
    }
    return this.session.isNamespaced(inputs);
  }

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const { settings } = this.session;
    const { inputs: oldInputs, live } = readCheckpoint(request.olds);
    const next = normalize(toObject(request.news));
    const old = prune(live, normalize(oldInputs));
    await this.alignNamespaces(old, next);
    for (const key of ["apiVersion", "kind"]) {
      old[key] ??= next[key];
    }
    if (nameOf(next)) {
      setMetadata(old, "name", nameOf(live));
    }
    const mutable = { configMaps: settings.mutableConfigMaps, secrets: settings.mutableSecrets };
    const replacing = replacingFields(next, mutable, isPatchType(request.type, next.kind));
    const detail = withoutIgnored(detailedDiff(old, next, replacing), request.ignoreChanges);
    const replaces = Object.keys(detail)
      .filter((path) => detail[path].kind.endsWith("-replace") || (path === "metadata" && detail[path].kind === "delete"))
      .sort();
    if (isAnnotated(next, REPLACE_UNREADY) && next.kind === "Job" && !(await this.isComplete(live))) {
      replaces.push(`.metadata.annotations["${REPLACE_UNREADY}"]`);
    }
    // An object that keeps its name has to go before the new one can come.
    const keepsName =
      nameOf(next) !== "" && !isAnnotated(next, AUTONAMED) && nameOf(next) === nameOf(live) && namespaceOf(next) === namespaceOf(live);
    const rendersAll = settings.alwaysRender && settings.renderYamlToDirectory !== undefined;
    return {
      changes: Object.keys(detail).length > 0 || replaces.length > 0 || rendersAll ? "some" : "none",
      detailedDiff: detail,
      ...(replaces.length > 0 ? { replaces, ...(keepsName ? { deleteBeforeReplace: true } : {}) } : {}),
    };
  }

  /** Whether a Job has succeeded; where nobody can tell, it is taken to. */
  private async isComplete(live: KubeObject): Promise<boolean> {
    const { cluster } = this.session;
    if (!cluster) {
      return true;
    }
    return cluster.get(await cluster.placeOf(live)).then(
      (job) => isTrue(conditionOf(job, "Complete")),
      () => true,
    );
  }

  private async alignNamespaces(old: KubeObject, next: KubeObject): Promise<void> {
    const namespaced = await this.session.isNamespaced(next);
    for (const object of [old, next]) {
      if (namespaced && object.metadata?.namespace === undefined) {
        setMetadata(object, "namespace", "default");
      } else if (!namespaced && object.metadata) {
        delete object.metadata.namespace;
      }
    }
  }

  create(request: CreateRequest, context: CallContext): Promise<CreateResponse> {
    return create(this.session, request, context);
  }

  update(request: UpdateRequest, context: CallContext): Promise<{ properties: PropertyMap }> {
    return update(this.session, request, context);
  }

  read(request: ReadRequest, context: CallContext): Promise<ReadResponse> {
    return read(this.session, request, context);
  }

  delete(request: DeleteRequest, context: CallContext): Promise<void> {
    return remove(this.session, request, context);
  }

  invoke({ token, args }: InvokeRequest): InvokeResponse {
    if (token !== "kubernetes:yaml:decode") {
      throw new Error(
        `the stand-in for the kubernetes plugin does not have the function ${token}; use the official plugin, or objects of their own types`,
      );
    }
    const { text, defaultNamespace } = plain(args);
    return { properties: { result: decodeYaml(String(text ?? ""), defaultNamespace).map(toProperties) } };
  }
}

/** Types that are no single objects. */
function refuseUnsupported(type: string): void {
  if (/^kubernetes:(helm\.sh|kustomize|yaml)\//.test(type)) {
    throw new Error(`the stand-in for the kubernetes plugin does not have ${type}; use the official plugin, or objects of their own types`);
  }
  const gvk = gvkOfType(type);
  if (/List$/.test(gvk.kind) && isKnownVersion(apiVersionOf(gvk))) {
    throw new Error(
      "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created directly. " +
        "Use the underlying resource type instead",
    );
  }
}

function checkPatch(inputs: KubeObject, serverSideApply: boolean): void {
  if (!serverSideApply) {
    throw new Error("patch resources require Server-Side Apply mode, which is enabled using the `enableServerSideApply` Provider config");
  }
  if (nameOf(inputs) === "" && !hasUnknown(inputs.metadata)) {
    throw new Error("patch resources require the `.metadata.name` field to be set");
  }
}

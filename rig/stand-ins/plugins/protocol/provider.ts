// What a provider implements: pulumirpc.ResourceProvider with typed property values in place of protobuf structs.
import type { PropertyMap } from "./values";

export type Severity = "debug" | "info" | "warning" | "error";

/** One call's surroundings. */
export interface CallContext {
  /** Ends when the engine cancels, when the caller goes away or when `timeout` seconds have passed; see `why`. */
  readonly signal: AbortSignal;
  /** Writes a line to the engine's log, attached to the resource of this call. */
  log(severity: Severity, message: string): void;
  /** Shows a line beside the resource while it is worked on; it does not stay in the log. */
  status(message: string): void;
}

/** Why a call's signal ended. */
export class Cancelled extends Error {
  constructor(readonly why: "cancelled" | "timeout") {
    super(why === "timeout" ? "the time limit for this resource has passed" : "the operation was cancelled");
    this.name = "Cancelled";
  }
}

/** An error with a gRPC status code of its own; any other error is answered with code Unknown and its message. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = "RpcError";
  }
}

/**
 * The resource exists but did not become ready: the engine keeps it in the state with the reasons, and the next
 * update goes on from there.
 */
export class ResourceInitFailed extends Error {
  constructor(readonly partial: { id: string; properties: PropertyMap; inputs?: PropertyMap; reasons: string[]; message?: string }) {
    super(partial.message ?? partial.reasons.join("\n"));
    this.name = "ResourceInitFailed";
  }
}

export interface HandshakeRequest {
  engineAddress: string;
  rootDirectory?: string;
  programDirectory?: string;
  /** The engine takes byte strings (a later engine than 3.220 says so). */
  acceptsByteString: boolean;
}

export interface HandshakeResponse {
  acceptSecrets?: boolean;
  acceptResources?: boolean;
  acceptOutputs?: boolean;
  supportsAutonamingConfiguration?: boolean;
  acceptsByteString?: boolean;
}

export interface ConfigureRequest {
  /** `<package>:config:<key>` to text, as older providers read it. */
  variables: Record<string, string>;
  args: PropertyMap;
  acceptSecrets: boolean;
  acceptResources: boolean;
  /** Empty when the engine does not say. */
  urn: string;
  id: string;
}

export interface ConfigureResponse {
  acceptSecrets?: boolean;
  supportsPreview?: boolean;
  acceptResources?: boolean;
  acceptOutputs?: boolean;
  supportsAutonamingConfiguration?: boolean;
}

/** What every request about a resource names. */
export interface ResourceRequest {
  urn: string;
  /** Type token, e.g. `command:local:Command`. */
  type: string;
  /** The resource's name in the program. */
  name: string;
}

export interface CheckRequest extends ResourceRequest {
  olds: PropertyMap;
  news: PropertyMap;
  randomSeed: Uint8Array;
  autonaming?: { proposedName: string; mode: "propose" | "enforce" | "disable" };
}

export interface CheckResponse {
  inputs: PropertyMap;
  failures?: { property: string; reason: string }[];
}

export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface DiffRequest extends ResourceRequest {
  id: string;
  /** The state: inputs and outputs. */
  olds: PropertyMap;
  oldInputs: PropertyMap;
  news: PropertyMap;
  ignoreChanges: string[];
}

export interface DiffResponse {
  changes: "unknown" | "none" | "some";
  /** Top-level names of the properties that changed. */
  diffs?: string[];
  /** Properties whose change makes a new resource. */
  replaces?: string[];
  /** Properties that will surely not change. */
  stables?: string[];
  deleteBeforeReplace?: boolean;
  /** Property path (`environment.V`, `ports[0].port`) to what happened there. */
  detailedDiff?: Record<string, { kind: DiffKind; inputDiff?: boolean }>;
}

export interface CreateRequest extends ResourceRequest {
  properties: PropertyMap;
  /** Seconds; 0 for no limit. `CallContext.signal` keeps it already. */
  timeout: number;
  preview: boolean;
}

export interface CreateResponse {
  /** Empty in a preview where the id is not known. */
  id: string;
  properties: PropertyMap;
}

export interface UpdateRequest extends ResourceRequest {
  id: string;
  olds: PropertyMap;
  oldInputs: PropertyMap;
  news: PropertyMap;
  ignoreChanges: string[];
  timeout: number;
  preview: boolean;
}

export interface DeleteRequest extends ResourceRequest {
  id: string;
  /** The state. */
  properties: PropertyMap;
  oldInputs: PropertyMap;
  timeout: number;
}

export interface ReadRequest extends ResourceRequest {
  id: string;
  /** The state; empty when the resource is imported or got by id. */
  properties: PropertyMap;
  inputs: PropertyMap;
}

export interface ReadResponse {
  /** Empty: there is no such resource (any more). */
  id: string;
  properties: PropertyMap;
  inputs: PropertyMap;
}

export interface InvokeRequest {
  token: string;
  args: PropertyMap;
  preview: boolean;
}

export interface InvokeResponse {
  properties: PropertyMap;
  failures?: { property: string; reason: string }[];
}

type Answer<T> = T | Promise<T>;

/** A resource provider; the optional calls are answered with Unimplemented when they are left out. */
export interface Provider {
  /** Package name, e.g. `command`. */
  readonly name: string;
  /** The version of the SDK it serves, e.g. `1.2.1`. */
  readonly version: string;

  handshake?(request: HandshakeRequest): Answer<HandshakeResponse>;
  schema?(): Answer<string>;
  /** By default the inputs as they came. */
  checkConfig?(request: CheckRequest, context: CallContext): Answer<CheckResponse>;
  /** By default "no change". */
  diffConfig?(request: DiffRequest, context: CallContext): Answer<DiffResponse>;
  configure(request: ConfigureRequest, context: CallContext): Answer<ConfigureResponse>;
  check(request: CheckRequest, context: CallContext): Answer<CheckResponse>;
  diff(request: DiffRequest, context: CallContext): Answer<DiffResponse>;
  create(request: CreateRequest, context: CallContext): Answer<CreateResponse>;
  update?(request: UpdateRequest, context: CallContext): Answer<{ properties: PropertyMap }>;
  delete(request: DeleteRequest, context: CallContext): Answer<void>;
  read(request: ReadRequest, context: CallContext): Answer<ReadResponse>;
  invoke?(request: InvokeRequest, context: CallContext): Answer<InvokeResponse>;
  /** Called once when the engine asks to stop; every call's signal has ended by then. */
  cancel?(): Answer<void>;
}

import { type ServerUnaryCall, type sendUnaryData, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { accept, engineAccepts } from "./byte-strings";
import type { Calls } from "./calls";
import type { EngineLog } from "./engine-log";
import { toServiceError } from "./errors";
import type { CallContext, DiffKind, HandshakeResponse, Provider, ResourceRequest } from "./provider";
import { RpcError } from "./provider";
import { mapFromWire, mapToWire, type PropertyMap } from "./values";

const KINDS: Record<DiffKind, pb.PropertyDiff.Kind> = {
  add: pb.PropertyDiff.Kind.ADD,
  "add-replace": pb.PropertyDiff.Kind.ADD_REPLACE,
  delete: pb.PropertyDiff.Kind.DELETE,
  "delete-replace": pb.PropertyDiff.Kind.DELETE_REPLACE,
  update: pb.PropertyDiff.Kind.UPDATE,
  "update-replace": pb.PropertyDiff.Kind.UPDATE_REPLACE,
};
const CHANGES = {
  unknown: pb.DiffResponse.DiffChanges.DIFF_UNKNOWN,
  none: pb.DiffResponse.DiffChanges.DIFF_NONE,
  some: pb.DiffResponse.DiffChanges.DIFF_SOME,
};
const AUTONAMING = ["propose", "enforce", "disable"] as const;

const fromStruct = (struct: Struct | undefined): PropertyMap => mapFromWire(struct?.toJavaScript() as Record<string, unknown> | undefined);
const toStruct = (map: PropertyMap): Struct => Struct.fromJavaScript(mapToWire(map));

function unimplemented(method: string): never {
  throw new RpcError(status.UNIMPLEMENTED, `method ${method} not implemented`);
}

/** Type token and name, which engines before 3.130 leave to be read off the URN. */
function resourceOf(request: { getUrn(): string; getType(): string; getName(): string }): ResourceRequest {
  const urn = request.getUrn();
  const parts = urn.split("::");
  return { urn, type: request.getType() || parts[2]?.split("$").pop() || "", name: request.getName() || parts.slice(3).join("::") };
}

function checkRequest(request: pb.CheckRequest) {
  const autonaming = request.getAutonaming();
  return {
    ...resourceOf(request),
    olds: fromStruct(request.getOlds()),
    news: fromStruct(request.getNews()),
    randomSeed: request.getRandomseed_asU8(),
    ...(autonaming ? { autonaming: { proposedName: autonaming.getProposedName(), mode: AUTONAMING[autonaming.getMode()] } } : {}),
  };
}

function checkResponse(answer: { inputs: PropertyMap; failures?: { property: string; reason: string }[] }): pb.CheckResponse {
  const response = new pb.CheckResponse();
  response.setInputs(toStruct(answer.inputs));
  response.setFailuresList((answer.failures ?? []).map(checkFailure));
  return response;
}

function checkFailure(failure: { property: string; reason: string }): pb.CheckFailure {
  const message = new pb.CheckFailure();
  message.setProperty(failure.property);
  message.setReason(failure.reason);
  return message;
}

function diffRequest(request: pb.DiffRequest) {
  return {
    ...resourceOf(request),
    id: request.getId(),
    olds: fromStruct(request.getOlds()),
    // Engines that do not send the old inputs have the state only.
    oldInputs: fromStruct(request.getOldInputs() ?? request.getOlds()),
    news: fromStruct(request.getNews()),
    ignoreChanges: request.getIgnorechangesList(),
  };
}

function diffResponse(answer: Awaited<ReturnType<Provider["diff"]>>): pb.DiffResponse {
  const response = new pb.DiffResponse();
  response.setChanges(CHANGES[answer.changes]);
  response.setDiffsList(answer.diffs ?? []);
  response.setReplacesList(answer.replaces ?? []);
  response.setStablesList(answer.stables ?? []);
  response.setDeletebeforereplace(answer.deleteBeforeReplace ?? false);
  if (answer.detailedDiff) {
    response.setHasdetaileddiff(true);
    for (const [path, { kind, inputDiff }] of Object.entries(answer.detailedDiff)) {
      const diff = new pb.PropertyDiff();
      diff.setKind(KINDS[kind]);
      diff.setInputdiff(inputDiff ?? false);
      response.getDetaileddiffMap().set(path, diff);
    }
  }
  return response;
}

/** The gRPC implementation of ResourceProvider on top of a provider. */
export function service(provider: Provider, log: EngineLog, calls: Calls): UntypedServiceImplementation {
  type Limited = { getUrn?(): string; getTimeout?(): number };
  /** A call with a context: logged lines carry the resource's URN, the request's timeout ends the signal. */
  const unary =
    <Request, Response>(work: (request: Request, context: CallContext) => Response | Promise<Response>) =>
    async (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => {
      const request = call.request as Limited;
      const limits = { urn: request.getUrn?.() ?? "", timeout: request.getTimeout?.() ?? 0 };
      try {
        const answer = await calls.run(call, limits, (context) => work(call.request, context));
        done(null, answer);
      } catch (error) {
        done(toServiceError(error));
      }
    };

  return {
    handshake: unary(async (request: pb.ProviderHandshakeRequest) => {
      if (!provider.handshake) {
        unimplemented("Handshake");
      }
      log.attach(request.getEngineAddress());
      const answer: HandshakeResponse = await provider.handshake({
        engineAddress: request.getEngineAddress(),
        rootDirectory: request.getRootDirectory(),
        programDirectory: request.getProgramDirectory(),
        acceptsByteString: engineAccepts(request),
      });
      const response = new pb.ProviderHandshakeResponse();
      response.setAcceptSecrets(answer.acceptSecrets ?? false);
      response.setAcceptResources(answer.acceptResources ?? false);
      response.setAcceptOutputs(answer.acceptOutputs ?? false);
      response.setSupportsAutonamingConfiguration(answer.supportsAutonamingConfiguration ?? false);
      if (answer.acceptsByteString) {
        accept(response);
      }
      return response;
    }),

    attach: unary((request: plugin.PluginAttach) => {
      log.attach(request.getAddress());
      return new Empty();
    }),

    getPluginInfo: unary(() => {
      const response = new plugin.PluginInfo();
      response.setVersion(provider.version);
      return response;
    }),

    getSchema: unary(async () => {
      const response = new pb.GetSchemaResponse();
      response.setSchema((await provider.schema?.()) ?? JSON.stringify({ name: provider.name, version: provider.version }));
      return response;
    }),

    checkConfig: unary(async (request: pb.CheckRequest, context) =>
      checkResponse((await provider.checkConfig?.(checkRequest(request), context)) ?? { inputs: fromStruct(request.getNews()) }),
    ),

    diffConfig: unary(async (request: pb.DiffRequest, context) =>
      diffResponse((await provider.diffConfig?.(diffRequest(request), context)) ?? { changes: "none" }),
    ),

    configure: unary(async (request: pb.ConfigureRequest, context) => {
      const answer = await provider.configure(
        {
          variables: Object.fromEntries(request.getVariablesMap().toArray()),
          args: fromStruct(request.getArgs()),
          acceptSecrets: request.getAcceptsecrets(),
          acceptResources: request.getAcceptresources(),
          urn: request.getUrn() ?? "",
          id: request.getId() ?? "",
        },
        context,
      );
      const response = new pb.ConfigureResponse();
      response.setAcceptsecrets(answer.acceptSecrets ?? false);
      response.setSupportspreview(answer.supportsPreview ?? false);
      response.setAcceptresources(answer.acceptResources ?? false);
      response.setAcceptoutputs(answer.acceptOutputs ?? false);
      response.setSupportsAutonamingConfiguration(answer.supportsAutonamingConfiguration ?? false);
      return response;
    }),

    check: unary(async (request: pb.CheckRequest, context) => checkResponse(await provider.check(checkRequest(request), context))),

    diff: unary(async (request: pb.DiffRequest, context) => diffResponse(await provider.diff(diffRequest(request), context))),

    create: unary(async (request: pb.CreateRequest, context) => {
      const answer = await provider.create(
        {
          ...resourceOf(request),
          properties: fromStruct(request.getProperties()),
          timeout: request.getTimeout(),
          preview: request.getPreview(),
        },
        context,
      );
      const response = new pb.CreateResponse();
      response.setId(answer.id);
      response.setProperties(toStruct(answer.properties));
      return response;
    }),

    update: unary(async (request: pb.UpdateRequest, context) => {
      if (!provider.update) {
        unimplemented("Update");
      }
      const answer = await provider.update(
        {
          ...resourceOf(request),
          id: request.getId(),
          olds: fromStruct(request.getOlds()),
          oldInputs: fromStruct(request.getOldInputs() ?? request.getOlds()),
          news: fromStruct(request.getNews()),
          ignoreChanges: request.getIgnorechangesList(),
          timeout: request.getTimeout(),
          preview: request.getPreview(),
        },
        context,
      );
      const response = new pb.UpdateResponse();
      response.setProperties(toStruct(answer.properties));
      return response;
    }),

    delete: unary(async (request: pb.DeleteRequest, context) => {
      await provider.delete(
        {
          ...resourceOf(request),
          id: request.getId(),
          properties: fromStruct(request.getProperties()),
          oldInputs: fromStruct(request.getOldInputs() ?? request.getProperties()),
          timeout: request.getTimeout(),
        },
        context,
      );
      return new Empty();
    }),

    read: unary(async (request: pb.ReadRequest, context) => {
      const answer = await provider.read(
        {
          ...resourceOf(request),
          id: request.getId(),
          properties: fromStruct(request.getProperties()),
          inputs: fromStruct(request.getInputs()),
        },
        context,
      );
      const response = new pb.ReadResponse();
      response.setId(answer.id);
      response.setProperties(toStruct(answer.properties));
      response.setInputs(toStruct(answer.inputs));
      return response;
    }),

    invoke: unary(async (request: pb.InvokeRequest, context) => {
      if (!provider.invoke) {
        unimplemented("Invoke");
      }
      const answer = await provider.invoke(
        { token: request.getTok(), args: fromStruct(request.getArgs()), preview: request.getPreview() },
        context,
      );
      const response = new pb.InvokeResponse();
      response.setReturn(toStruct(answer.properties));
      response.setFailuresList((answer.failures ?? []).map(checkFailure));
      return response;
    }),

    cancel: unary(async () => {
      calls.cancel();
      await provider.cancel?.();
      return new Empty();
    }),
  };
}

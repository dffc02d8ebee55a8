// Recorded calls of a provider (JSON as `PULUMI_DEBUG_GRPC` writes it) made again over real gRPC.
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { listen, type Provider } from "../../../rig/stand-ins/plugins/protocol";

export interface Recorded {
  scenario: string;
  method: string;
  request: Record<string, any>;
  response: Record<string, any> | null;
  error: string[] | null;
}

/** Answer of one call in the recordings' form: fields with their zero value are left out. */
export type Answer = Pick<Recorded, "response" | "error">;

const CHANGES = ["DIFF_UNKNOWN", "DIFF_NONE", "DIFF_SOME"];
const KINDS = ["ADD", "ADD_REPLACE", "DELETE", "DELETE_REPLACE", "UPDATE", "UPDATE_REPLACE"];

const struct = (value: Record<string, any> | undefined) => (value === undefined ? undefined : Struct.fromJavaScript(value));
const object = (value: Struct | undefined) => value?.toJavaScript();

/** An object without the fields that protobuf's JSON leaves out. */
function compact(fields: Record<string, any>): Record<string, any> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value && (typeof value !== "object" || !Array.isArray(value) || value.length > 0)),
  );
}

function resource<T extends { setUrn(value: string): unknown; setType(value: string): unknown; setName(value: string): unknown }>(
  message: T,
  request: Record<string, any>,
): T {
  message.setUrn(request.urn);
  message.setType(request.type ?? request.urn.split("::")[2]);
  message.setName(request.name ?? request.urn.split("::")[3]);
  return message;
}

function check(request: Record<string, any>): pb.CheckRequest {
  const message = resource(new pb.CheckRequest(), request);
  message.setOlds(struct(request.olds));
  message.setNews(struct(request.news ?? {}));
  return message;
}

function diff(request: Record<string, any>): pb.DiffRequest {
  const message = resource(new pb.DiffRequest(), request);
  message.setId(request.id ?? "");
  message.setOlds(struct(request.olds));
  message.setOldInputs(struct(request.oldInputs));
  message.setNews(struct(request.news ?? {}));
  message.setIgnorechangesList(request.ignoreChanges ?? []);
  return message;
}

const failures = (list: pb.CheckFailure[]) =>
  list.map((failure) => compact({ property: failure.getProperty(), reason: failure.getReason() }));

const checked = (response: pb.CheckResponse) => ({
  inputs: object(response.getInputs()),
  ...compact({ failures: failures(response.getFailuresList()) }),
});

function detailed(response: pb.DiffResponse): Record<string, any> | undefined {
  const found: Record<string, any> = {};
  response.getDetaileddiffMap().forEach((item, place) => {
    found[place] = compact({ kind: item.getKind() ? KINDS[item.getKind()] : undefined, inputDiff: item.getInputdiff() });
  });
  return Object.keys(found).length > 0 ? found : undefined;
}

const differs = (response: pb.DiffResponse) =>
  compact({
    replaces: response.getReplacesList(),
    stables: response.getStablesList(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
    changes: response.getChanges() ? CHANGES[response.getChanges()] : undefined,
    diffs: response.getDiffsList(),
    hasDetailedDiff: response.getHasdetaileddiff(),
    detailedDiff: detailed(response),
  });

/** A provider under test behind its own gRPC server. */
export class UnderTest {
  private constructor(
    private readonly client: ResourceProviderClient,
    readonly close: () => Promise<void>,
  ) {}

  static async start(provider: Provider): Promise<UnderTest> {
    const server = await listen(provider);
    const client = new ResourceProviderClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
    return new UnderTest(client, async () => {
      client.close();
      await server.close();
    });
  }

  /** A plugin that runs as a process of its own. */
  static connect(port: number, close: () => Promise<void>): UnderTest {
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    return new UnderTest(client, async () => {
      client.close();
      await close();
    });
  }

  /** The version that the plugin gives itself. */
  version(): Promise<string> {
    return new Promise((resolve, reject) =>
      this.client.getPluginInfo(new Empty(), (error, info) => (error ? reject(error) : resolve(info.getVersion()))),
    );
  }

  private async unary<T>(method: string, message: any, read: (response: any) => T): Promise<Answer> {
    return new Promise((resolve) => {
      (this.client as any)[method](message, (error: grpc.ServiceError | null, response: unknown) =>
        resolve(
          error
            ? { response: null, error: [`rpc error: code = ${codeName(error.code)} desc = ${error.details}`] }
            : { response: read(response) as Record<string, any>, error: null },
        ),
      );
    });
  }

  /** Makes one recorded call. */
  call({ method, request }: Pick<Recorded, "method" | "request">): Promise<Answer> {
    switch (method) {
      case "CheckConfig":
        return this.unary("checkConfig", check(request), checked);
      case "Check":
        return this.unary("check", check(request), checked);
      case "DiffConfig":
        return this.unary("diffConfig", diff(request), differs);
      case "Diff":
        return this.unary("diff", diff(request), differs);
      case "Configure": {
        const message = new pb.ConfigureRequest();
        for (const [name, value] of Object.entries<string>(request.variables ?? {})) {
          message.getVariablesMap().set(name, value);
        }
        message.setArgs(struct(request.args));
        message.setAcceptsecrets(request.acceptSecrets ?? false);
        return this.unary("configure", message, (response: pb.ConfigureResponse) =>
          compact({
            acceptSecrets: response.getAcceptsecrets(),
            supportsPreview: response.getSupportspreview(),
            acceptResources: response.getAcceptresources(),
            acceptOutputs: response.getAcceptoutputs(),
            supportsAutonamingConfiguration: response.getSupportsAutonamingConfiguration(),
          }),
        );
      }
      case "Create": {
        const message = resource(new pb.CreateRequest(), request);
        message.setProperties(struct(request.properties ?? {}));
        message.setPreview(request.preview ?? false);
        message.setTimeout(request.timeout ?? 0);
        return this.unary("create", message, (response: pb.CreateResponse) => ({
          ...compact({ id: response.getId() }),
          properties: object(response.getProperties()),
        }));
      }
      case "Update": {
        const message = resource(new pb.UpdateRequest(), request);
        message.setId(request.id);
        message.setOlds(struct(request.olds));
        message.setOldInputs(struct(request.oldInputs));
        message.setNews(struct(request.news ?? {}));
        message.setPreview(request.preview ?? false);
        message.setTimeout(request.timeout ?? 0);
        return this.unary("update", message, (response: pb.UpdateResponse) => ({ properties: object(response.getProperties()) }));
      }
      case "Delete": {
        const message = resource(new pb.DeleteRequest(), request);
        message.setId(request.id);
        message.setProperties(struct(request.properties));
        message.setOldInputs(struct(request.oldInputs));
        message.setTimeout(request.timeout ?? 0);
        return this.unary("delete", message, () => ({}));
      }
      case "Read": {
        const message = resource(new pb.ReadRequest(), request);
        message.setId(request.id);
        message.setProperties(struct(request.properties));
        message.setInputs(struct(request.inputs));
        return this.unary("read", message, (response: pb.ReadResponse) => ({
          ...compact({ id: response.getId() }),
          properties: object(response.getProperties()),
          inputs: object(response.getInputs()),
        }));
      }
      case "Invoke": {
        const message = new pb.InvokeRequest();
        message.setTok(request.tok);
        message.setArgs(struct(request.args));
        message.setPreview(request.preview ?? false);
        return this.unary("invoke", message, (response: pb.InvokeResponse) => ({
          return: object(response.getReturn()),
          ...compact({ failures: failures(response.getFailuresList()) }),
        }));
      }
      default:
        throw new Error(`no way to replay ${method}`);
    }
  }
}

function codeName(code: number): string {
  const name = grpc.status[code] ?? String(code);
  return name.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
}

// The official plugin's recorded conversations (../shared/contract/plugins, beside the checkout), sent again over gRPC.
import * as fs from "node:fs";
import * as path from "node:path";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

const FILE = path.resolve(__dirname, "../../../../shared/contract/plugins/kubernetes.jsonl");

export const hasRecordings = fs.existsSync(FILE);

export type Method = "Check" | "Diff" | "Create" | "Read" | "Update" | "Delete" | "CheckConfig" | "DiffConfig" | "Configure";

export interface Recording {
  /** `<step>/<resource>`, without the plugin's name. */
  scenario: string;
  step: string;
  resource: string;
  method: Method;
  request: any;
  response: any;
  error: string | undefined;
}

/** All recorded calls, in the order in which they were answered. */
export function recordings(): Recording[] {
  return fs
    .readFileSync(FILE, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const { scenario, method, request, response, error } = JSON.parse(line);
      const [, step, resource = ""] = scenario.split("/");
      const text = error?.[0]?.replace(/^rpc error: code = \w+ desc = /, "");
      return { scenario: `${step}/${resource}`, step, resource, method, request, response, error: text };
    });
}

/** What an ErrorResourceInitFailed carries. */
export interface HalfMade {
  id: string;
  properties: any;
  reasons: string[];
}

function partialOf(details: unknown): HalfMade | undefined {
  if (!Buffer.isBuffer(details)) {
    return undefined;
  }
  const any = Status.deserializeBinary(details).getDetailsList()[0];
  const failed = any && pb.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  return failed && { id: failed.getId(), properties: failed.getProperties()?.toJavaScript(), reasons: failed.getReasonsList() };
}

const struct = (value: any) => Struct.fromJavaScript(value ?? {});
const KINDS = ["ADD", "ADD_REPLACE", "DELETE", "DELETE_REPLACE", "UPDATE", "UPDATE_REPLACE"];
const CHANGES = ["DIFF_UNKNOWN", "DIFF_NONE", "DIFF_SOME"];

/** A client that speaks the recordings' JSON. */
export class Caller {
  private readonly client: ResourceProviderClient;

  constructor(port: number) {
    this.client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  /** Tells the plugin to end what it is doing. */
  cancel(): Promise<unknown> {
    return this.unary("cancel", new Empty());
  }

  /** Sends a call; what comes back has the recordings' form, and beside an error what it says of a half-made resource. */
  async call(method: Method, request: any): Promise<{ response: any; error: string | undefined; partial?: HalfMade }> {
    try {
      return { response: await this.send(method, request), error: undefined };
    } catch (error) {
      const { details = String(error), metadata } = error as Partial<ServiceError>;
      const partial = partialOf(metadata?.get("grpc-status-details-bin")[0]);
      return { response: null, error: details, ...(partial ? { partial } : {}) };
    }
  }

  private async send(method: Method, r: any): Promise<any> {
    switch (method) {
      case "Check":
      case "CheckConfig": {
        const message = named(new pb.CheckRequest(), r);
        message
          .setOlds(struct(r.olds))
          .setNews(struct(r.news))
          .setRandomseed(r.randomSeed ?? "");
        const answer: pb.CheckResponse = await this.unary(method === "Check" ? "check" : "checkConfig", message);
        const failures = answer.getFailuresList().map((one) => ({ property: one.getProperty(), reason: one.getReason() }));
        return { inputs: answer.getInputs()?.toJavaScript(), ...(failures.length > 0 ? { failures } : {}) };
      }
      case "Diff":
      case "DiffConfig": {
        const message = named(new pb.DiffRequest(), r);
        message
          .setId(r.id ?? "")
          .setOlds(struct(r.olds))
          .setNews(struct(r.news))
          .setOldInputs(struct(r.oldInputs))
          .setIgnorechangesList(r.ignoreChanges ?? []);
        return diffJson(await this.unary(method === "Diff" ? "diff" : "diffConfig", message));
      }
      case "Configure": {
        const message = new pb.ConfigureRequest();
        for (const [key, value] of Object.entries((r.variables ?? {}) as Record<string, string>)) {
          message.getVariablesMap().set(key, value);
        }
        message
          .setArgs(struct(r.args))
          .setAcceptsecrets(true)
          .setAcceptresources(true)
          .setUrn(r.urn ?? "")
          .setId(r.id ?? "");
        const answer: pb.ConfigureResponse = await this.unary("configure", message);
        return truthy({
          acceptSecrets: answer.getAcceptsecrets(),
          supportsPreview: answer.getSupportspreview(),
          acceptResources: answer.getAcceptresources(),
          acceptOutputs: answer.getAcceptoutputs(),
          supportsAutonamingConfiguration: answer.getSupportsAutonamingConfiguration(),
        });
      }
      case "Create": {
        const message = named(new pb.CreateRequest(), r);
        message
          .setProperties(struct(r.properties))
          .setTimeout(r.timeout ?? 0)
          .setPreview(r.preview ?? false);
        const answer: pb.CreateResponse = await this.unary("create", message);
        return { ...truthy({ id: answer.getId() }), properties: answer.getProperties()?.toJavaScript() };
      }
      case "Update": {
        const message = named(new pb.UpdateRequest(), r);
        message.setId(r.id).setOlds(struct(r.olds)).setNews(struct(r.news)).setOldInputs(struct(r.oldInputs));
        message
          .setTimeout(r.timeout ?? 0)
          .setPreview(r.preview ?? false)
          .setIgnorechangesList(r.ignoreChanges ?? []);
        const answer: pb.UpdateResponse = await this.unary("update", message);
        return { properties: answer.getProperties()?.toJavaScript() };
      }
      case "Read": {
        const message = named(new pb.ReadRequest(), r);
        message.setId(r.id).setProperties(struct(r.properties)).setInputs(struct(r.inputs));
        const answer: pb.ReadResponse = await this.unary("read", message);
        return answer.getId() === ""
          ? {}
          : { id: answer.getId(), properties: answer.getProperties()?.toJavaScript(), inputs: answer.getInputs()?.toJavaScript() };
      }
      case "Delete": {
        const message = named(new pb.DeleteRequest(), r);
        message
          .setId(r.id)
          .setProperties(struct(r.properties))
          .setOldInputs(struct(r.oldInputs))
          .setTimeout(r.timeout ?? 0);
        await this.unary("delete", message);
        return {};
      }
    }
  }

  private unary<T>(method: string, message: unknown): Promise<T> {
    return new Promise((resolve, reject) =>
      (this.client as any)[method](message, (error: Error | null, answer: T) => (error ? reject(error) : resolve(answer))),
    );
  }
}

function named<T extends { setUrn(urn: string): unknown; setName(name: string): unknown; setType(type: string): unknown }>(
  message: T,
  request: any,
): T {
  message.setUrn(request.urn ?? "");
  message.setName(request.name ?? "");
  message.setType(request.type ?? "");
  return message;
}

/** Fields at their zero value are left out, as in the recordings. */
const truthy = (fields: Record<string, unknown>) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value));

function diffJson(answer: pb.DiffResponse): any {
  const detail = Object.fromEntries(
    answer
      .getDetaileddiffMap()
      .toArray()
      .map(([key, value]: [string, any]) => {
        const kind = Array.isArray(value) ? (value[0] ?? 0) : value.getKind();
        const inputDiff = Array.isArray(value) ? Boolean(value[1]) : value.getInputdiff();
        return [key, truthy({ kind: kind === 0 ? undefined : KINDS[kind], inputDiff })];
      }),
  );
  return {
    ...(answer.getReplacesList().length > 0 ? { replaces: [...answer.getReplacesList()].sort() } : {}),
    ...truthy({ deleteBeforeReplace: answer.getDeletebeforereplace() }),
    changes: CHANGES[answer.getChanges()],
    ...(answer.getDiffsList().length > 0 ? { diffs: [...answer.getDiffsList()].sort() } : {}),
    ...(Object.keys(detail).length > 0 ? { detailedDiff: detail } : {}),
    ...truthy({ hasDetailedDiff: answer.getHasdetaileddiff() }),
  };
}

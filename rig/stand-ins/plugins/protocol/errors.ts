import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { ResourceInitFailed, RpcError } from "./provider";
import { mapToWire } from "./values";

/** The gRPC error for what a provider threw. */
export function toServiceError(error: unknown): Partial<ServiceError> {
  if (error instanceof ResourceInitFailed) {
    return { code: status.UNKNOWN, details: error.message, metadata: initFailure(error) };
  }
  if (error instanceof RpcError) {
    return { code: error.code, details: error.message };
  }
  return { code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}

/** The engine finds the half-made resource in the status details that gRPC carries as a binary trailer. */
function initFailure(error: ResourceInitFailed): Metadata {
  const { id, properties, inputs, reasons } = error.partial;
  const detail = new ErrorResourceInitFailed();
  detail.setId(id);
  detail.setProperties(Struct.fromJavaScript(mapToWire(properties)));
  if (inputs) {
    detail.setInputs(Struct.fromJavaScript(mapToWire(inputs)));
  }
  detail.setReasonsList(reasons);

  const any = new Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const message = new Status();
  message.setCode(status.UNKNOWN);
  message.setMessage(error.message);
  message.addDetails(any);

  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(message.serializeBinary()));
  return metadata;
}

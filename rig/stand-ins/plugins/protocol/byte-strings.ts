// Whether engine and provider take byte strings (text that is not UTF-8) is agreed on in Handshake, in two fields that
// later protocol definitions have than those of the SDK used here. They are read and written as raw protobuf.
import type { ServiceDefinition } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import type { ProviderHandshakeRequest, ProviderHandshakeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { BinaryReader } from "google-protobuf";

/** `accepts_byte_string` of ProviderHandshakeRequest and of ProviderHandshakeResponse. */
const IN_REQUEST = 11;
const IN_RESPONSE = 6;

const offered = new WeakSet<ProviderHandshakeRequest>();
const accepted = new WeakSet<ProviderHandshakeResponse>();

/** Whether the engine that sent this request takes byte strings. */
export const engineAccepts = (request: ProviderHandshakeRequest): boolean => offered.has(request);

/** Tells the engine that the provider takes byte strings. */
export const accept = (response: ProviderHandshakeResponse): void => {
  accepted.add(response);
};

function offers(bytes: Buffer): boolean {
  const reader = new BinaryReader(new Uint8Array(bytes));
  let found = false;
  while (reader.nextField() && !reader.isEndGroup()) {
    if (reader.getFieldNumber() === IN_REQUEST) {
      found = reader.readBool();
    } else {
      reader.skipField();
    }
  }
  return found;
}

const { handshake } = ResourceProviderService;

/** The service with the two fields in Handshake. */
export const serviceDefinition = {
  ...ResourceProviderService,
  handshake: {
    ...handshake,
    requestDeserialize(bytes: Buffer) {
      const request = handshake.requestDeserialize(bytes);
      if (offers(bytes)) {
        offered.add(request);
      }
      return request;
    },
    responseSerialize(response: ProviderHandshakeResponse) {
      const bytes = handshake.responseSerialize(response);
      // A boolean field is its number shifted by three bits, then the value.
      return accepted.has(response) ? Buffer.concat([bytes, Buffer.of(IN_RESPONSE << 3, 1)]) : bytes;
    },
  },
} as unknown as ServiceDefinition;

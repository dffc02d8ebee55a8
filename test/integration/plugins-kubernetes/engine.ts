// The part of the engine that plugins talk to: its log.
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

export interface Engine {
  address: string;
  /** Every line of the log, those shown only for a moment too. */
  lines: { message: string; urn: string; isStatus: boolean }[];
  stop(): void;
}

export async function startEngine(): Promise<Engine> {
  const lines: Engine["lines"] = [];
  const server = new grpc.Server();
  server.addService(EngineService as unknown as grpc.ServiceDefinition, {
    log(call: grpc.ServerUnaryCall<LogRequest, Empty>, done: grpc.sendUnaryData<Empty>) {
      lines.push({ message: call.request.getMessage(), urn: call.request.getUrn(), isStatus: call.request.getEphemeral() });
      done(null, new Empty());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { address: `127.0.0.1:${port}`, lines, stop: () => server.forceShutdown() };
}

// The part of the engine that plugins talk to: its log.
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

type Line = { severity: number; message: string; urn: string; ephemeral: boolean };

/** An engine that keeps what is logged to it. */
export async function fakeEngine() {
  const lines: Line[] = [];
  const server = new grpc.Server();
  server.addService(EngineService as unknown as grpc.ServiceDefinition, {
    log: (call: grpc.ServerUnaryCall<LogRequest, Empty>, done: grpc.sendUnaryData<Empty>) => {
      const { request } = call;
      lines.push({
        severity: request.getSeverity(),
        message: request.getMessage(),
        urn: request.getUrn(),
        ephemeral: request.getEphemeral(),
      });
      // Answers late, so that a line that nobody waits for would be missing.
      setTimeout(() => done(null, new Empty()), 20);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { lines, address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

import * as net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import {
  type CallContext,
  type CreateRequest,
  listen,
  type Provider,
  ResourceInitFailed,
  RpcError,
  Secret,
} from "../../../rig/stand-ins/plugins/protocol";
import { fakeEngine } from "./fake-engine";

const URN = "urn:pulumi:s::p::test:index:Thing::thing";

type Create = (request: CreateRequest, context: CallContext) => Promise<{ id: string; properties: Record<string, any> }>;

function providerThat(create: Create, more: Partial<Provider> = {}): Provider {
  return {
    name: "test",
    version: "1.0.0",
    configure: () => ({}),
    check: ({ news }) => ({ inputs: news }),
    diff: () => ({ changes: "none" }),
    create,
    delete: () => {},
    read: ({ id, properties, inputs }) => ({ id, properties, inputs }),
    ...more,
  };
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function serve(provider: Provider, engineAddress?: string): Promise<ResourceProviderClient> {
  const server = await listen(provider, engineAddress);
  const client = new ResourceProviderClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  closers.push(server.close, () => client.close());
  return client;
}

function createRequest(properties: object = {}, timeout = 0): pb.CreateRequest {
  const request = new pb.CreateRequest();
  request.setUrn(URN);
  request.setProperties(Struct.fromJavaScript(properties as Record<string, any>));
  request.setTimeout(timeout);
  return request;
}

function create(
  client: ResourceProviderClient,
  request = createRequest(),
): { call: grpc.ClientUnaryCall; answer: Promise<pb.CreateResponse> } {
  let call!: grpc.ClientUnaryCall;
  const answer = new Promise<pb.CreateResponse>((resolve, reject) => {
    call = client.create(request, (error, response) => (error ? reject(error) : resolve(response)));
  });
  return { call, answer };
}

/** A provider whose create runs until its signal ends, and then tells why. */
function waiting() {
  let started!: () => void;
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const ended: string[] = [];
  const provider = providerThat(async (_, { signal }) => {
    started();
    await new Promise((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener("abort", resolve)));
    ended.push(signal.reason.why);
    throw new RpcError(grpc.status.ABORTED, `stopped: ${signal.reason.why}`);
  });
  return { provider, running, ended };
}

test("hands over type, name and marked properties, and sends marks back", async () => {
  const seen: CreateRequest[] = [];
  const client = await serve(
    providerThat(async (request) => {
      seen.push(request);
      return { id: "made", properties: request.properties };
    }),
  );
  const wire = { a: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: ["x"] } };
  const response = await create(client, createRequest(wire)).answer;
  expect(seen[0]).toMatchObject({ type: "test:index:Thing", name: "thing", urn: URN, properties: { a: new Secret(["x"]) } });
  expect(response.getId()).toBe("made");
  expect(response.getProperties()?.toJavaScript()).toEqual(wire);
});

test("logs in order, attached to the resource, before the answer", async () => {
  const engine = await fakeEngine();
  closers.push(engine.close);
  const client = await serve(
    providerThat(async (_, context) => {
      context.log("info", "one");
      context.status("waiting");
      context.log("warning", "half a pair: \ud800");
      return { id: "x", properties: {} };
    }),
    engine.address,
  );
  await create(client).answer;
  expect(engine.lines).toEqual([
    { severity: 1, message: "one", urn: URN, ephemeral: false },
    { severity: 1, message: "waiting", urn: URN, ephemeral: true },
    { severity: 2, message: "half a pair: \ufffd", urn: URN, ephemeral: false },
  ]);
});

test("ends a call's signal at its time limit", async () => {
  const { provider } = waiting();
  await expect(create(await serve(provider), createRequest({}, 0.1)).answer).rejects.toThrow("stopped: timeout");
});

test("ends every signal when the engine cancels, also those of later calls", async () => {
  const { provider, running } = waiting();
  const client = await serve(provider);
  const first = create(client).answer;
  const told = expect(first).rejects.toThrow("stopped: cancelled");
  await running;
  await new Promise<void>((resolve, reject) => client.cancel(new Empty(), (error) => (error ? reject(error) : resolve())));
  await told;
  await expect(create(client).answer).rejects.toThrow("stopped: cancelled");
});

test("ends at once, whether or not the engine hangs up its connection", async () => {
  const server = await listen(providerThat(async () => ({ id: "x", properties: {} })));
  // HTTP/2's preface and empty settings, then silence: an engine that answers neither GOAWAY nor an end of the stream.
  const engine = net.connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  closers.push(() => void engine.destroy());
  engine.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]));
  await new Promise((resolve) => engine.once("data", resolve));
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick"] });
  try {
    await server.close();
  } finally {
    jest.useRealTimers();
  }
});

test("lets a call under way send its answer before it ends", async () => {
  const { provider, running } = waiting();
  const server = await listen(provider);
  const client = new ResourceProviderClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  closers.push(() => client.close());
  const told = expect(create(client).answer).rejects.toThrow("stopped: cancelled");
  await running;
  await server.close();
  await told;
});

test("ends a call's signal when its caller goes away", async () => {
  const { provider, running, ended } = waiting();
  const { call, answer } = create(await serve(provider));
  const told = expect(answer).rejects.toThrow("CANCELLED");
  await running;
  call.cancel();
  await told;
  for (let i = 0; ended.length === 0 && i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(ended).toEqual(["cancelled"]);
});

test("tells the engine of a resource that exists but is not ready", async () => {
  const client = await serve(
    providerThat(async () => {
      throw new ResourceInitFailed({
        id: "half",
        properties: { a: new Secret("b") },
        inputs: { a: "b" },
        reasons: ["no pod is ready", "no image"],
        message: "it was made, but is not ready",
      });
    }),
  );
  const error: grpc.ServiceError = await create(client).answer.catch((caught) => caught);
  expect([error.code, error.details]).toEqual([grpc.status.UNKNOWN, "it was made, but is not ready"]);
  const [details] = error.metadata.get("grpc-status-details-bin");
  const [any] = Status.deserializeBinary(new Uint8Array(details as Buffer)).getDetailsList();
  expect(any.getTypeName()).toBe("pulumirpc.ErrorResourceInitFailed");
  const detail = pb.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  expect(detail.getId()).toBe("half");
  expect(detail.getReasonsList()).toEqual(["no pod is ready", "no image"]);
  expect(detail.getProperties()?.toJavaScript()).toEqual({
    a: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: "b" },
  });
});

test("answers calls that the provider does not have with Unimplemented", async () => {
  const client = await serve(providerThat(async () => ({ id: "x", properties: {} })));
  const codes = await Promise.all([
    new Promise((resolve) => client.update(new pb.UpdateRequest(), (error) => resolve(error?.code))),
    new Promise((resolve) => client.invoke(new pb.InvokeRequest(), (error) => resolve(error?.code))),
    new Promise((resolve) => client.handshake(new pb.ProviderHandshakeRequest(), (error) => resolve(error?.code))),
    new Promise((resolve) => client.construct(new pb.ConstructRequest(), (error) => resolve(error?.code))),
  ]);
  expect(codes).toEqual([grpc.status.UNIMPLEMENTED, grpc.status.UNIMPLEMENTED, grpc.status.UNIMPLEMENTED, grpc.status.UNIMPLEMENTED]);
});

test.each([
  ["takes", Buffer.of(11 << 3, 1), true],
  ["does not take", Buffer.alloc(0), false],
])("agrees on byte strings with an engine that %s them", async (_, field, expected) => {
  const seen: boolean[] = [];
  const client = await serve(
    providerThat(async () => ({ id: "x", properties: {} }), {
      handshake({ acceptsByteString }) {
        seen.push(acceptsByteString);
        return { acceptSecrets: true, acceptsByteString };
      },
    }),
  );
  const request = new pb.ProviderHandshakeRequest();
  request.setEngineAddress("127.0.0.1:1");
  const raw = (bytes: Buffer) => bytes;
  const response = await new Promise<Buffer>((resolve, reject) =>
    client.makeUnaryRequest(
      "/pulumirpc.ResourceProvider/Handshake",
      raw,
      raw,
      Buffer.concat([Buffer.from(request.serializeBinary()), field]),
      (error, answer) => (error ? reject(error) : resolve(answer as Buffer)),
    ),
  );
  expect(seen).toEqual([expected]);
  expect(response.toString("hex")).toBe(expected ? "08013001" : "0801");
});

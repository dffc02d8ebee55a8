import * as pulumi from "@pulumi/pulumi";
import { KUBECONFIG } from "./kubeconfig";

/** A resource as the program registered it. */
export interface Registered {
  type: string;
  name: string;
  /** In clear, a Secret's data decoded. */
  inputs: any;
  /** As the engine gets them, secrets marked: see `isSecret`. */
  marked: any;
  /** Whether it is a provider's, not a component. */
  custom: boolean;
}

type Inputs = Record<string, any>;

const SECRET = "4dabf18193072939515e22adb298388d";

/** Whether an input was a secret when it reached the engine. */
export function isSecret(value: any): boolean {
  return value !== null && typeof value === "object" && SECRET in value;
}

/**
 * The one harness for components and programs: Pulumi's mocks, and the list that every resource registered from then on goes into.
 * Outputs are the inputs and what a provider would make up, as values that tests can tell apart (`password of NAME`). Call it before
 * the modules under test make anything.
 *
 * @param outputs what a resource has beside that
 */
export function recordResources(
  outputs: (type: string, name: string, inputs: Inputs) => Inputs | Promise<Inputs> = () => ({}),
): Registered[] {
  const seen: Registered[] = [];
  pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs, custom }) => {
        const clear = revealed(inputs);
        seen.push({ type, name, inputs: readable(type, clear), marked: inputs, custom: custom ?? false });
        return { id: `${name}-id`, state: { ...inputs, ...madeUp(type, name), ...(await outputs(type, name, clear)) } };
      },
      call: ({ inputs }) => inputs,
    },
    "homelab",
    "test",
    false,
  );
  return seen;
}

/**
 * What the engine would be sent from now on, inputs and components' outputs, as it goes over the wire. What `recordResources` sees has
 * been deserialised, where one secret makes a secret of all that it lies in; the state has the mark on the secret only.
 */
export function recordSent(): Pick<Registered, "type" | "name" | "marked">[] {
  const sent: Pick<Registered, "type" | "name" | "marked">[] = [];
  const { MockMonitor } = require("@pulumi/pulumi/runtime/mocks");
  const { registerResource, registerResourceOutputs } = MockMonitor.prototype;
  MockMonitor.prototype.registerResource = function (request: any, callback: unknown) {
    sent.push({ type: request.getType(), name: request.getName(), marked: { inputs: request.getObject().toJavaScript() } });
    return registerResource.call(this, request, callback);
  };
  MockMonitor.prototype.registerResourceOutputs = function (request: any, callback: unknown) {
    const [type, name] = request.getUrn().split("::").slice(2);
    sent.push({ type: type.split("$").at(-1), name, marked: { outputs: request.getOutputs().toJavaScript() } });
    return registerResourceOutputs.call(this, request, callback);
  };
  return sent;
}

/** Returns once everything that the program has asked for so far is registered. */
export async function allRegistered(): Promise<void> {
  await (pulumi.runtime as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
}

/** The value of an output, and whether it is a secret. */
export function settled<T>(output: pulumi.Output<T>): Promise<{ value: T; secret: boolean }> {
  return new Promise((resolve) => {
    output.apply(async (value) => resolve({ value: value as T, secret: await pulumi.isSecret(output) }));
  });
}

/** A Secret's data as the text that it is: tests look for what must not be elsewhere. */
function readable(type: string, inputs: Inputs): Inputs {
  if (type !== "kubernetes:core/v1:Secret" || !inputs.data) {
    return inputs;
  }
  const decoded = Object.entries<string>(inputs.data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]);
  return { ...inputs, data: Object.fromEntries(decoded) };
}

/** A value that the engine got, without the marks of its secrets. */
export function revealed(value: any): any {
  if (isSecret(value)) {
    return revealed(value.value);
  }
  if (Array.isArray(value)) {
    return value.map(revealed);
  }
  return value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]))
    : value;
}

function madeUp(type: string, name: string): Inputs {
  switch (type) {
    case "tls:index/privateKey:PrivateKey":
      return {
        privateKeyOpenssh: `private key of ${name}`,
        privateKeyPem: `private key of ${name}`,
        publicKeyOpenssh: `ssh-ed25519 AAAA${name}`,
        publicKeyPem: `public key of ${name}`,
      };
    case "tls:index/certRequest:CertRequest":
      return { certRequestPem: `request of ${name}` };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { certPem: `certificate of ${name}` };
    case "random:index/randomUuid:RandomUuid":
      return { result: `uuid of ${name}` };
    case "random:index/randomPassword:RandomPassword":
      return { result: `password of ${name}` };
    case "random:index/randomId:RandomId":
      return { hex: "0123456789abcdef" };
    case "command:remote:Command":
      return { stdout: /kubeconfig$/.test(name) ? KUBECONFIG : "{}", stderr: "" };
    case "command:local:Command":
      return { stdout: '{"address":"192.168.200.99"}', stderr: "" };
    default:
      return {};
  }
}

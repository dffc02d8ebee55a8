import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Registered {
  type: string;
  name: string;
  inputs: Record<string, any>;
  custom: boolean;
}

const SECRET = "4dabf18193072939515e22adb298388d";

/** Whether an input was a secret when it reached the engine. */
export function isSecret(value: any): boolean {
  return value !== null && typeof value === "object" && SECRET in value;
}

/** What an input is without its secret mark. */
export function plain<T = any>(value: any): T {
  return isSecret(value) ? value.value : value;
}

const KUBECONFIG = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "default", cluster: { server: "https://127.0.0.1:6443" } }],
  contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
  users: [{ name: "default", user: { "client-key-data": "S0VZ" } }],
  "current-context": "default",
});

/** What the providers would answer: enough for the graph, and secrets that can be recognised. */
function answer(type: string, name: string, inputs: Record<string, any>): Record<string, any> {
  switch (type) {
    case "random:index/randomPassword:RandomPassword":
      return { ...inputs, result: `PASSWORD-${name}` };
    case "random:index/randomUuid:RandomUuid":
      return { ...inputs, result: `00000000-0000-4000-8000-${name}` };
    case "random:index/randomId:RandomId":
      return { ...inputs, hex: `0123456789abcdef` };
    case "tls:index/privateKey:PrivateKey":
      return {
        ...inputs,
        privateKeyOpenssh: `PRIVATE-KEY-${name}`,
        privateKeyPem: `-----BEGIN PRIVATE KEY-----\nPRIVATE-KEY-${name}\n-----END PRIVATE KEY-----\n`,
        publicKeyOpenssh: `ssh-ed25519 AAAA${name}`,
        publicKeyPem: "PUBLIC",
      };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { ...inputs, certPem: `CERTIFICATE-${name}` };
    case "command:remote:Command":
      return { ...inputs, stdout: /kubeconfig$/.test(name) ? KUBECONFIG : "{}", stderr: "" };
    case "command:local:Command":
      return { ...inputs, stdout: '{"address":"192.168.200.99"}', stderr: "" };
    default:
      return inputs;
  }
}

/**
 * Starts Pulumi's mocks and returns the list that every resource registered from then on goes into. Call it before the
 * modules under test are imported.
 */
export function recordResources(): Registered[] {
  const resources: Registered[] = [];
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => {
        resources.push({ type, name, inputs, custom: custom ?? false });
        return { id: `${name}-id`, state: answer(type, name, unwrapped(inputs)) };
      },
      call: ({ inputs }) => inputs,
    },
    "homelab",
    "test",
    false,
  );
  return resources;
}

/**
 * What the engine would be sent from now on, inputs and components' outputs, as it goes over the wire. What `recordResources` sees has
 * been deserialised, where one secret makes a secret of all that it lies in; the state has the mark on the secret only.
 */
export function recordSent(): Registered[] {
  const sent: Registered[] = [];
  const { MockMonitor } = require("@pulumi/pulumi/runtime/mocks");
  const { registerResource, registerResourceOutputs } = MockMonitor.prototype;
  MockMonitor.prototype.registerResource = function (request: any, callback: unknown) {
    sent.push({
      type: request.getType(),
      name: request.getName(),
      inputs: { inputs: request.getObject().toJavaScript() },
      custom: request.getCustom(),
    });
    return registerResource.call(this, request, callback);
  };
  MockMonitor.prototype.registerResourceOutputs = function (request: any, callback: unknown) {
    const [type, name] = request.getUrn().split("::").slice(2);
    sent.push({ type: type.split("$").at(-1), name, inputs: { outputs: request.getOutputs().toJavaScript() }, custom: false });
    return registerResourceOutputs.call(this, request, callback);
  };
  return sent;
}

function unwrapped(value: any): any {
  if (isSecret(value)) {
    return unwrapped(value.value);
  }
  if (Array.isArray(value)) {
    return value.map(unwrapped);
  }
  return value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapped(inner)]))
    : value;
}

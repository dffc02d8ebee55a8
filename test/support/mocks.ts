import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it, inputs as they are at run time, secrets in clear, a Secret's data decoded. */
export interface Registered {
  type: string;
  name: string;
  inputs: any;
}

/**
 * Pulumi's mocks, remembering what is registered. Outputs are the inputs and, for what a provider would make up, values
 * that tests can tell apart. Call before the modules under test make anything.
 */
export function recordResources(outputs: (type: string, name: string, inputs: any) => any = () => ({})): Registered[] {
  const seen: Registered[] = [];
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        seen.push({ type, name, inputs: readable(type, revealed(inputs)) });
        return { id: `${name}-id`, state: { ...inputs, ...madeUp(type, name), ...outputs(type, name, inputs) } };
      },
      call: ({ inputs }) => inputs,
    },
    "homelab",
    "test",
    false,
  );
  return seen;
}

/** A Secret's data as the text that it is: tests look for what must not be elsewhere. */
function readable(type: string, inputs: any): any {
  if (type !== "kubernetes:core/v1:Secret" || !inputs.data) {
    return inputs;
  }
  const decoded = Object.entries<string>(inputs.data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]);
  return { ...inputs, data: Object.fromEntries(decoded) };
}

function revealed(value: any): any {
  const inner = pulumi.runtime.isRpcSecret(value) ? pulumi.runtime.unwrapRpcSecret(value) : value;
  if (Array.isArray(inner)) {
    return inner.map(revealed);
  }
  if (inner !== null && typeof inner === "object") {
    return Object.fromEntries(Object.entries(inner).map(([key, each]) => [key, revealed(each)]));
  }
  return inner;
}

function madeUp(type: string, name: string): Record<string, string> {
  switch (type) {
    case "tls:index/privateKey:PrivateKey":
      return { privateKeyPem: `private key of ${name}`, publicKeyPem: `public key of ${name}` };
    case "tls:index/certRequest:CertRequest":
      return { certRequestPem: `request of ${name}` };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { certPem: `certificate of ${name}` };
    case "random:index/randomUuid:RandomUuid":
      return { result: `uuid of ${name}` };
    case "random:index/randomPassword:RandomPassword":
      return { result: `password of ${name}` };
    default:
      return {};
  }
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

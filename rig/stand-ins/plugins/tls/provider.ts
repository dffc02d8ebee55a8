import { status } from "@grpc/grpc-js";
import versions from "../../../../versions.json";
import {
  type CallContext,
  equal,
  hasUnknown,
  type InvokeRequest,
  type PropertyMap,
  type PropertyValue,
  type Provider,
  plain,
  RpcError,
  secret,
  stripMap,
  unknown,
} from "../protocol";
import { algorithmOf, keyId, parseOpenssh, parsePem, publicForms, sha1 } from "./keys";
import { certificatesIn, certificatesOf, describe } from "./site";
import { type Inputs, type ResourceType, readyForRenewal, TYPES } from "./types";

function typeOf(token: string): ResourceType {
  const found = TYPES[token.split(":")[2]];
  if (!found) {
    throw new RpcError(status.UNIMPLEMENTED, `unrecognized resource type (${token})`);
  }
  return found;
}

/** The inputs with defaults filled in; null for what is not given. */
function complete(type: ResourceType, given: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(type.fields).map(([name, field]): [string, PropertyValue] => [name, given[name] ?? field.default ?? null]),
  );
}

/** The properties for the state: inputs but the write-only ones, then outputs; secret where the type says so. */
function stateOf(type: ResourceType, inputs: PropertyMap, outputs: PropertyMap): PropertyMap {
  const kept = Object.entries(inputs)
    .filter(([name, value]) => value !== null && !type.fields[name].writeOnly)
    .map(([name, value]): [string, PropertyValue] => [name, type.fields[name].secret ? secret(value) : value]);
  const made = Object.entries(outputs).map(([name, value]): [string, PropertyValue] => [
    name,
    type.secretOutputs?.includes(name) ? secret(value) : value,
  ]);
  return Object.fromEntries([...kept, ...made]);
}

/** `validity_period_hours`, as the texts of the underlying provider name it. */
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function problems(type: ResourceType, inputs: PropertyMap): { problem: string; at: string }[] {
  const found: { problem: string; at: string }[] = [];
  for (const [name, field] of Object.entries(type.fields)) {
    const value = inputs[name] ?? null;
    if (value === null || hasUnknown(value)) {
      continue;
    }
    if (field.least !== undefined && typeof value === "number" && value < field.least) {
      const problem = `Invalid Attribute Value. Attribute ${snake(name)} value must be at least ${field.least}, got: ${value}.`;
      found.push({ problem, at: name });
    }
    for (const [index, item] of [value].flat().entries()) {
      if (field.oneOf && !field.oneOf.includes(String(item))) {
        const place = Array.isArray(value) ? `[${index}]` : "";
        const allowed = field.oneOf.map((text) => `"${text}"`).join(" ");
        const problem = `Invalid Attribute Value Match. Attribute ${snake(name)}${place} value must be one of: [${allowed}], got: "${String(item)}".`;
        found.push({ problem, at: name + place });
      }
    }
  }
  for (const [first, second] of type.oneOfPairs ?? []) {
    if ((inputs[first] ?? null) === null && (inputs[second] ?? null) === null) {
      const problem = `Invalid Attribute Combination. At least one of these attributes must be configured: [${snake(first)},${snake(second)}].`;
      found.push({ problem, at: first });
    }
  }
  return found;
}

/** Whether a resource in the state is due for renewal. */
function due(type: ResourceType, state: PropertyMap, earlyRenewalHours: PropertyValue): boolean {
  return (
    type.expires === true &&
    typeof state.validityEndTime === "string" &&
    readyForRenewal(state.validityEndTime, Number(earlyRenewalHours ?? 0))
  );
}

/** The stand-in for pulumi-resource-tls. */
export const provider: Provider = {
  name: "tls",
  version: versions.pulumi.plugins.tls,

  configure: () => ({ supportsPreview: true, acceptResources: true, supportsAutonamingConfiguration: true }),
  diffConfig: () => ({ changes: "unknown" }),

  check({ type: token, name: resource, news }) {
    const type = typeOf(token);
    const inputs = stripMap(news);
    const missing = Object.entries(type.fields)
      .filter(([name, field]) => field.required && (inputs[name] ?? null) === null)
      .map(([name]) => ({ property: "", reason: `Missing required property '${name}'` }));
    const wrong = problems(type, inputs).map(({ problem, at }) => ({
      property: "",
      reason: `${problem} Examine values at '${resource}.${at}'.`,
    }));
    return { inputs: news, failures: missing.length > 0 ? missing : wrong };
  },

  diff({ type: token, olds, news }) {
    const type = typeOf(token);
    const state = stripMap(olds);
    const wanted = complete(type, stripMap(news));
    const changed = Object.keys(type.fields).filter((name) => !type.fields[name].writeOnly && !equal(wanted[name], state[name] ?? null));
    const replaces = changed.filter((name) => !type.fields[name].inPlace);
    if (due(type, state, wanted.earlyRenewalHours)) {
      changed.push("readyForRenewal");
      replaces.push("readyForRenewal");
    }
    return changed.length > 0 ? { changes: "some", diffs: changed, replaces } : { changes: "none" };
  },

  async create({ type: token, properties, preview }) {
    const type = typeOf(token);
    const inputs = complete(type, stripMap(properties));
    if (preview) {
      const outputs = Object.fromEntries(type.outputs.map((name) => [name, unknown]));
      return { id: "", properties: { ...stateOf(type, inputs, {}), ...outputs, id: unknown } };
    }
    const made = await type.make(plain(inputs) as Inputs);
    return { id: made.id, properties: { ...stateOf(type, inputs, made.outputs), id: made.id } };
  },

  // Only earlyRenewalHours is ever changed in place.
  update({ type: token, id, olds, news }) {
    const type = typeOf(token);
    const state = stripMap(olds);
    const inputs = complete(type, stripMap(news));
    const outputs = Object.fromEntries(type.outputs.filter((name) => name in state).map((name) => [name, state[name]]));
    const renewal: PropertyMap = type.expires ? { readyForRenewal: due(type, state, inputs.earlyRenewalHours) } : {};
    return { properties: { ...stateOf(type, inputs, { ...outputs, ...renewal }), id } };
  },

  delete() {
    // There is nothing outside the state.
  },

  read({ type: token, id, properties, inputs }) {
    const type = typeOf(token);
    if (Object.keys(properties).length === 0) {
      throw new Error(
        "Resource Import Not Implemented: This resource does not support import. Please contact the provider developer for additional information.",
      );
    }
    const state = stripMap(properties);
    const known = (names: string[]) => Object.fromEntries(names.filter((name) => name in state).map((name) => [name, state[name]]));
    const renewal: PropertyMap = type.expires ? { readyForRenewal: due(type, state, state.earlyRenewalHours) } : {};
    const read = stateOf(type, known(Object.keys(type.fields)), { ...known(type.outputs), ...renewal });
    return { id, properties: { ...properties, ...read }, inputs };
  },

  async invoke(request, context) {
    return { properties: await functions(request, context) };
  },
};

async function functions({ token, args }: InvokeRequest, context: CallContext): Promise<PropertyMap> {
  const given = plain(args) as Record<string, any>;
  switch (token.split(":")[2]) {
    case "getPublicKey": {
      if (!given.privateKeyPem === !given.privateKeyOpenssh) {
        throw new Error("Invalid Attribute Combination: exactly one of private_key_pem and private_key_openssh must be given");
      }
      const key = given.privateKeyPem ? parsePem(given.privateKeyPem) : parseOpenssh(given.privateKeyOpenssh);
      return { ...args, ...publicForms(key), algorithm: algorithmOf(key), id: keyId(key) };
    }
    case "getCertificate": {
      if (!given.url === !given.content) {
        throw new Error("Invalid Attribute Combination: exactly one of url and content must be given");
      }
      const chain = given.content
        ? certificatesIn(given.content)
        : await certificatesOf(given.url, given.verifyChain ?? true, context.signal);
      return { ...args, certificates: chain.map(describe), id: sha1(chain.join("")) };
    }
    default:
      throw new RpcError(status.UNIMPLEMENTED, `unrecognized data function (${token})`);
  }
}

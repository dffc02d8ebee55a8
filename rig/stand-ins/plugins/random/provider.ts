import { status } from "@grpc/grpc-js";
import versions from "../../../../versions.json";
import {
  type CallContext,
  hasUnknown,
  type PropertyMap,
  type PropertyValue,
  type Provider,
  plain,
  RpcError,
  secret,
  stripMap,
  unknown,
} from "../protocol";
import { type Field, type Inputs, type Made, type ResourceType, TYPES } from "./types";

function typeOf(token: string): ResourceType {
  const found = TYPES[token.split(":")[2]];
  if (!found) {
    throw new RpcError(status.UNIMPLEMENTED, `unrecognized resource type (${token})`);
  }
  return found;
}

/** The value as the field's kind; texts that are numbers or booleans are taken for those. */
function coerce(name: string, field: Field, value: PropertyValue): PropertyValue {
  if (value === null || hasUnknown(value)) {
    return value;
  }
  const problem = (wanted: string) =>
    new Error(
      `cannot encode resource inputs to call ValidateResourceConfig: objectEncoder failed on property "${name}": Expected a ${wanted}, got resource.PropertyValue{V:${JSON.stringify(plain(value))}} true`,
    );
  switch (field.kind) {
    case "number":
      if (typeof value === "string" && /^[+-]?\d+(\.\d+)?$/.test(value)) {
        return Number(value);
      }
      if (typeof value !== "number") {
        throw problem("Number");
      }
      return value;
    case "boolean":
      if (value === "true" || value === "false") {
        return value === "true";
      }
      if (typeof value !== "boolean") {
        throw problem("Bool");
      }
      return value;
    case "string":
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    default:
      return value;
  }
}

/** The inputs of a type with their kinds and defaults; null for what is not given. `number` is an old name of `numeric`. */
function complete(type: ResourceType, given: PropertyMap): PropertyMap {
  const inputs = Object.fromEntries(
    Object.entries(type.fields).map(([name, field]): [string, PropertyValue] => [
      name,
      coerce(name, field, given[name] ?? null) ?? field.default ?? null,
    ]),
  );
  if ("numeric" in type.fields) {
    const numeric = coerce("numeric", type.fields.numeric, given.numeric ?? null);
    const number = coerce("number", type.fields.number, given.number ?? null);
    inputs.numeric = numeric ?? number ?? true;
    inputs.number = number ?? numeric ?? true;
  }
  return inputs;
}

/** What the Terraform bridge notes to rebuild its own state; absent optional inputs are marked secret nulls there. */
function rawStateDelta(type: ResourceType, inputs: PropertyMap, outputs: PropertyMap): PropertyValue {
  const all = { ...inputs, ...outputs };
  const parts: PropertyMap = {};
  for (const [name, field] of Object.entries(type.fields)) {
    if ((all[name] ?? null) === null) {
      parts[name] = secret({ replace: { raw: null } });
    } else if (field.kind === "map") {
      parts[name] = { map: {} };
    } else if (field.kind === "list") {
      parts[name] = { arr: {} };
    }
  }
  if (!type.outputs.includes("results")) {
    return { obj: Object.keys(parts).length > 0 ? { ps: parts } : {} };
  }
  return { obj: { ps: { ...parts, results: { arr: {} } }, renamed: { inputs: "input", results: "result" } } };
}

/** The state of a resource that is made. */
function stateOf(type: ResourceType, inputs: PropertyMap, { id, outputs }: Made): PropertyMap {
  const hidden = type.secrets ?? [];
  const given = Object.entries(inputs).filter(([, value]) => value !== null);
  const computed = Object.entries(outputs).map(([name, value]): [string, PropertyValue] => [
    name,
    hidden.includes(name) ? secret(value) : value,
  ]);
  return {
    ...Object.fromEntries(given),
    ...Object.fromEntries(computed),
    ...(type.idProperty ? { id } : {}),
    ...(type.schemaVersion ? { __meta: JSON.stringify({ schema_version: type.schemaVersion }) } : {}),
    __pulumi_raw_state_delta: rawStateDelta(type, inputs, outputs),
  };
}

/** The stand-in for pulumi-resource-random. */
export const provider: Provider = {
  name: "random",
  version: versions.pulumi.plugins.random,

  configure: () => ({ supportsPreview: true, acceptResources: true, supportsAutonamingConfiguration: true }),
  diffConfig: () => ({ changes: "unknown" }),

  check({ type: token, name: resource, news }, context) {
    const type = typeOf(token);
    warnOfOldNames(type, news, context);
    const plainNews = stripMap(news);
    const inputs = plain(complete(type, plainNews)) as Inputs;
    const examine = (field: string) => ` Examine values at '${resource}.${field}'.`;
    const failures: { property: string; reason: string }[] = [];
    for (const [name, field] of Object.entries(type.fields)) {
      const value = inputs[name];
      if (field.required && (plainNews[name] ?? null) === null) {
        failures.push({ property: "", reason: `Missing required property '${name}': ${field.required}` });
      } else if (field.kind === "number" && typeof value === "number" && !Number.isInteger(value)) {
        const told =
          "An unexpected error was encountered trying to convert an attribute value from the configuration. This is always an error in the provider. Please report the following to the provider developer:";
        const error = `Error: Value %!s(*big.Float=${value}) is not an integer..`;
        failures.push({ property: "", reason: `Configuration Read Error. ${told}\n\n${error}${examine(name)}` });
      }
    }
    if (failures.length === 0 && !hasUnknown(news)) {
      for (const { problem, field } of type.check?.(inputs) ?? []) {
        failures.push({ property: "", reason: problem + examine(field) });
      }
    }
    return { inputs: news, failures };
  },

  diff({ type: token, olds, news }) {
    const type = typeOf(token);
    const state = stripMap(olds);
    const wanted = complete(type, stripMap(news));
    const changed = Object.keys(type.fields).filter((name) => {
      const value = wanted[name] ?? null;
      return hasUnknown(value) || JSON.stringify(sorted(value)) !== JSON.stringify(sorted(state[name] ?? null));
    });
    // Everything here is made once: each change makes a new one.
    return changed.length > 0 ? { changes: "some", diffs: changed, replaces: changed } : { changes: "none" };
  },

  async create({ type: token, properties, preview }) {
    const type = typeOf(token);
    const plainInputs = stripMap(properties);
    const inputs = complete(type, plainInputs);
    if (preview) {
      const given = Object.entries(inputs).filter(([, value]) => value !== null);
      const computed = [...type.outputs, ...(type.idProperty ? ["id"] : [])].map((name) => [name, unknown]);
      return { id: "", properties: Object.fromEntries([...given, ...computed]) };
    }
    if (typeof plainInputs.number === "boolean" && typeof plainInputs.numeric === "boolean" && plainInputs.number !== plainInputs.numeric) {
      const told = "Number and numeric are both configured with different values - Number is deprecated, use numeric instead";
      throw new Error(`1 error occurred:\n\t* : ${told}\n\n`);
    }
    const made = await type.make(plain(inputs) as Inputs);
    return { id: made.id, properties: stateOf(type, inputs, made) };
  },

  delete() {
    // There is nothing outside the state.
  },

  async read({ type: token, id, properties, inputs }) {
    const type = typeOf(token);
    if (Object.keys(properties).length === 0) {
      const imported = await type.import(id);
      return { id: imported.made.id, properties: stateOf(type, imported.all, imported.made), inputs: imported.inputs };
    }
    const state = stripMap(properties);
    const known = (names: string[]) => Object.fromEntries(names.filter((name) => name in state).map((name) => [name, state[name]]));
    const made = { id, outputs: known(type.outputs) };
    return { id, properties: { ...state, ...stateOf(type, known(Object.keys(type.fields)), made) }, inputs };
  },
};

function warnOfOldNames(type: ResourceType, news: PropertyMap, context: CallContext): void {
  if ("number" in type.fields && (news.number ?? null) !== null) {
    context.log("warning", '[WARNING] property "number" is deprecated: **NOTE**: This is deprecated, use `numeric` instead.');
  }
}

/** The value with its keys in order, for comparing texts of it. */
function sorted(value: PropertyValue): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, sorted(item)]),
    );
  }
  return value;
}

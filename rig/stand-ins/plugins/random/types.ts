import { randomBytes } from "node:crypto";
import { type PropertyMap, type PropertyValue, RpcError } from "../protocol";
import { bcryptHash, idForms, integer, petName, randomText, shuffle, type TextRules, uuid } from "./values";

type Kind = "number" | "boolean" | "string" | "map" | "list";

/** One input: its kind, and its default if it has one. `required` holds what to say when it is missing. */
export interface Field {
  kind: Kind;
  default?: PropertyValue;
  required?: string;
}

/** Plain inputs with defaults filled in; null for what was not given. */
export type Inputs = Record<string, any>;

export interface Made {
  id: string;
  outputs: PropertyMap;
}

export interface ResourceType {
  fields: Record<string, Field>;
  /** Computed properties; those in `secrets` are secret. */
  outputs: string[];
  secrets?: string[];
  /** Whether the id is also a property. */
  idProperty: boolean;
  schemaVersion?: string;
  /** Problems of the inputs beyond their kinds, without the trailing "Examine values …". */
  check?(inputs: Inputs): { problem: string; field: string }[];
  make(inputs: Inputs): Made | Promise<Made>;
  /** Inputs and outputs from an id given to `pulumi import`. */
  import(id: string): { inputs: PropertyMap; all: Inputs; made: Made } | Promise<{ inputs: PropertyMap; all: Inputs; made: Made }>;
}

const keepers: Field = { kind: "map" };

function lengthCheck(inputs: Inputs): { problem: string; field: string }[] {
  return inputs.length !== null && inputs.length < 1
    ? [{ problem: `Invalid Attribute Value. Attribute length value must be at least 1, got: ${inputs.length}.`, field: "length" }]
    : [];
}

function textCheck(inputs: Inputs): { problem: string; field: string }[] {
  const problems = lengthCheck(inputs);
  const least = inputs.minUpper + inputs.minLower + inputs.minNumeric + inputs.minSpecial;
  if (inputs.length !== null && inputs.length < least) {
    const rule = "at least sum of min_upper + min_lower + min_numeric + min_special";
    problems.push({ problem: `Invalid Attribute Value. Attribute length value must be ${rule}, got: ${inputs.length}.`, field: "length" });
  }
  if (inputs.special === false && inputs.upper === false && inputs.lower === false && inputs.numeric === false) {
    const all = "At least one attribute out of [special,upper,lower,numeric] must be specified as true.";
    problems.push({ problem: `Invalid Attribute Combination. ${all}`, field: "numeric" });
  }
  return problems;
}

function textType(schemaVersion: string, withHash: boolean): ResourceType {
  const make = async (inputs: Inputs): Promise<Made> => {
    for (const name of ["minLower", "minUpper", "minNumeric", "minSpecial"]) {
      if (inputs[name] < 0) {
        throw new Error(`${name} must not be negative, got: ${inputs[name]}`);
      }
    }
    return finish(randomText(inputs as TextRules));
  };
  const finish = async (result: string): Promise<Made> =>
    withHash ? { id: "none", outputs: { result, bcryptHash: await bcryptHash(result) } } : { id: result, outputs: { result } };
  return {
    fields: {
      keepers,
      length: {
        kind: "number",
        required:
          "The length of the string desired. The minimum value for length is 1 and, length must also be >= (`min_upper` + `min_lower` + `min_numeric` + `min_special`).",
      },
      lower: { kind: "boolean", default: true },
      upper: { kind: "boolean", default: true },
      number: { kind: "boolean", default: true },
      numeric: { kind: "boolean", default: true },
      special: { kind: "boolean", default: true },
      minLower: { kind: "number", default: 0 },
      minUpper: { kind: "number", default: 0 },
      minNumeric: { kind: "number", default: 0 },
      minSpecial: { kind: "number", default: 0 },
      overrideSpecial: { kind: "string" },
    },
    outputs: withHash ? ["result", "bcryptHash"] : ["result"],
    secrets: withHash ? ["result", "bcryptHash"] : [],
    idProperty: true,
    schemaVersion,
    check: textCheck,
    make,
    async import(id) {
      const inputs = { length: id.length, lower: true, number: true, numeric: true, special: true, upper: true };
      const mins = { minLower: 0, minNumeric: 0, minSpecial: 0, minUpper: 0 };
      return { inputs, all: { ...inputs, ...mins }, made: await finish(id) };
    },
  };
}

const UUID_PROBLEM =
  "Import Random UUID Error: There was an error during the parsing of the UUID.\n\nRetry the Terraform operation. If the error still occurs or happens regularly, please contact the provider developer with hardware and operating system information.\n\nOriginal Error: ";

function uuidType(version: 4 | 7 | undefined): ResourceType {
  const made = (id: string) => ({ id, outputs: { result: id } });
  return {
    fields: { keepers },
    outputs: ["result"],
    idProperty: true,
    make: () => made(uuid(version)),
    import(id) {
      if (id.length !== 36) {
        throw new Error(`${UUID_PROBLEM}uuid string is wrong length`);
      }
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
        throw new Error(`${UUID_PROBLEM}uuid is improperly formatted`);
      }
      return { inputs: {}, all: {}, made: made(id.toLowerCase()) };
    },
  };
}

function noImport(): never {
  throw new RpcError(
    2,
    "Resource Import Not Implemented: This resource does not support import. Please contact the provider developer for additional information.",
  );
}

const INTEGER_IMPORT = "Import Random Integer Error: Invalid import usage: expecting {result},{min},{max} or {result},{min},{max},{seed}";

/** Every resource of the package, by the last part of its type token. */
export const TYPES: Record<string, ResourceType> = {
  RandomPassword: textType("3", true),
  RandomString: textType("2", false),
  RandomUuid: uuidType(undefined),
  RandomUuid4: uuidType(4),
  RandomUuid7: uuidType(7),

  RandomPet: {
    fields: { keepers, length: { kind: "number", default: 2 }, prefix: { kind: "string" }, separator: { kind: "string", default: "-" } },
    outputs: [],
    idProperty: true,
    make({ length, prefix, separator }) {
      const name = petName(length, separator);
      return { id: prefix ? `${prefix}${separator}${name}` : name, outputs: {} };
    },
    import: noImport,
  },

  RandomInteger: {
    fields: {
      keepers,
      min: { kind: "number", required: "The minimum inclusive value of the range." },
      max: { kind: "number", required: "The maximum inclusive value of the range." },
      seed: { kind: "string" },
    },
    outputs: ["result"],
    idProperty: true,
    make({ min, max, seed }) {
      if (max < min) {
        throw new Error(
          "Create Random Integer Error: The minimum (minVal) value needs to be smaller than or equal to maximum (maxVal) value.",
        );
      }
      const result = integer(min, max, seed ?? undefined);
      return { id: String(result), outputs: { result } };
    },
    import(id) {
      const [result, min, max, ...seed] = id.split(",");
      if (max === undefined || seed.length > 1) {
        throw new Error(INTEGER_IMPORT);
      }
      const [value, low, high] = [result, min, max].map((text) => (/^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN));
      if (Number.isNaN(value + low + high)) {
        throw new Error(`Import Random Integer Error: The value supplied could not be parsed as an integer: ${id}`);
      }
      const inputs = { min: low, max: high, ...(seed.length > 0 ? { seed: seed[0] } : {}) };
      return { inputs, all: inputs, made: { id: String(value), outputs: { result: value } } };
    },
  },

  RandomShuffle: {
    fields: {
      keepers,
      inputs: { kind: "list", required: "The list of strings to shuffle." },
      resultCount: { kind: "number" },
      seed: { kind: "string" },
    },
    outputs: ["results"],
    idProperty: true,
    make({ inputs, resultCount, seed }) {
      if (resultCount !== null && resultCount < 0) {
        throw new Error(`resultCount must not be negative, got: ${resultCount}`);
      }
      return { id: "-", outputs: { results: shuffle(inputs, resultCount ?? inputs.length, seed ?? undefined) as PropertyValue[] } };
    },
    import: noImport,
  },

  RandomBytes: {
    fields: { keepers, length: { kind: "number", required: "The number of bytes requested. The minimum value for length is 1." } },
    outputs: ["base64", "hex"],
    secrets: ["base64", "hex"],
    idProperty: false,
    check: lengthCheck,
    make({ length }) {
      const bytes = randomBytes(length);
      return { id: bytes.toString("base64"), outputs: { base64: bytes.toString("base64"), hex: bytes.toString("hex") } };
    },
    import(id) {
      const bytes = Buffer.from(id, "base64");
      if (bytes.toString("base64") !== id) {
        throw new Error(`Import Random Bytes Error: the id is not base64: ${id}`);
      }
      const inputs = { length: bytes.length };
      return { inputs, all: inputs, made: { id, outputs: { base64: id, hex: bytes.toString("hex") } } };
    },
  },

  RandomId: {
    fields: {
      keepers,
      byteLength: {
        kind: "number",
        required: "The number of random bytes to produce. The minimum value is 1, which produces eight bits of randomness.",
      },
      prefix: { kind: "string" },
    },
    outputs: ["b64Url", "b64Std", "hex", "dec"],
    idProperty: true,
    make({ byteLength, prefix }) {
      const { id, ...outputs } = idForms(randomBytes(Math.max(byteLength, 0)), prefix ?? "");
      return { id, outputs };
    },
    import(id) {
      const comma = id.lastIndexOf(",");
      const prefix = comma < 0 ? "" : id.slice(0, comma);
      const bytes = Buffer.from(id.slice(comma + 1), "base64url");
      const { id: text, ...outputs } = idForms(bytes, prefix);
      const inputs = { byteLength: bytes.length, ...(prefix ? { prefix } : {}) };
      return { inputs, all: inputs, made: { id: text, outputs } };
    },
  },
};

import { z } from "zod";
import { settingsSchema } from "../../settings/schema";
import { secretSchema } from "../../settings/secret";

/** A JSON Schema, as far as it is read here. */
export interface JsonSchema {
  description?: string;
  type?: string;
  properties?: Record<string, JsonSchema>;
  patternProperties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  required?: string[];
  pattern?: string;
  /** `#/$defs/NAME` */
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  [keyword: string]: unknown;
}

/** Keywords of a schema whose value is one schema, a list or a map of them. */
const inner = new Set(["properties", "anyOf", "oneOf", "items", "additionalProperties"]);

/** The same schema with every part of it changed, inner parts first. */
function mapSchema(schema: JsonSchema, change: (part: JsonSchema) => JsonSchema): JsonSchema {
  const mapped = Object.entries(schema).map(([key, value]) => {
    if (!inner.has(key) || typeof value !== "object") {
      return [key, value];
    }
    if (Array.isArray(value)) {
      return [key, value.map((each) => mapSchema(each, change))];
    }
    return [
      key,
      key === "properties"
        ? Object.fromEntries(Object.entries(value as object).map(([name, part]) => [name, mapSchema(part, change)]))
        : mapSchema(value as JsonSchema, change),
    ];
  });
  return change(Object.fromEntries(mapped));
}

const FILE = "#/$defs/file";
const SECRET = "#/$defs/secret";

const shared: Record<string, JsonSchema> = {
  secret: {
    description: "Encrypted value, as `pulumi config set --secret` writes it.",
    type: "object",
    properties: { secure: { type: "string" } },
    required: ["secure"],
    additionalProperties: false,
  },
  file: {
    description: "File with the value: a path in the project's folder, an absolute one, or one that starts with ~/.",
    type: "object",
    properties: { file: { type: "string", minLength: 1 } },
    required: ["file"],
    additionalProperties: false,
  },
};

/** Whether a value of this schema is a text, which is what the engine encrypts. */
const isText = ({ type, $ref }: JsonSchema) => type === "string" || $ref !== undefined;

/** What may stand for a secret: the value itself, with anything encrypted that is a text, or a file. */
function encryptable(schema: JsonSchema, file: boolean): JsonSchema {
  const mapped = mapSchema(schema, (part) => {
    const alternatives = (part.anyOf ?? [part]).flatMap((each) => each.anyOf ?? [each]);
    const encrypted = alternatives.some(isText) && !alternatives.some(({ $ref }) => $ref === SECRET) ? [{ $ref: SECRET }] : [];
    return alternatives.length + encrypted.length > 1 ? { anyOf: [...alternatives, ...encrypted] } : part;
  });
  return file ? { anyOf: [...(mapped.anyOf ?? [mapped]), { $ref: FILE }] } : mapped;
}

const options = {
  io: "input" as const,
  unrepresentable: "any" as const,
  reused: "inline" as const,
};

/** The settings as a JSON Schema, keys without their namespace. */
export function settingsJsonSchema(): JsonSchema {
  const inSecrets: Record<string, JsonSchema> = {};
  const schema = z.toJSONSchema(settingsSchema, {
    ...options,
    override: ({ zodSchema, jsonSchema }) => {
      const secret = secretSchema(zodSchema);
      if (secret) {
        const { $schema: _, $defs, ...holds } = z.toJSONSchema(secret.holds, options) as JsonSchema;
        Object.assign(inSecrets, $defs);
        Object.assign(jsonSchema, encryptable(holds, secret.file));
      }
      // Of texts with a notation of their own (durations, sizes) the library leaves the default out.
      const { type, defaultValue } = zodSchema._zod.def as { type: string; defaultValue?: unknown };
      if (type === "default" && typeof defaultValue !== "object") {
        jsonSchema.default = defaultValue as string;
      }
    },
  }) as JsonSchema;
  return { ...schema, $defs: { ...inSecrets, ...schema.$defs, ...shared } };
}

/** A stack file as a JSON Schema, for editors: `# yaml-language-server: $schema=…`. */
export function stackJsonSchema(): JsonSchema {
  const { $schema, $defs, properties = {}, required = [] } = settingsJsonSchema();
  return {
    $schema,
    title: "Stack file of the home lab",
    type: "object",
    $defs,
    properties: {
      encryptionsalt: { type: "string" },
      secretsprovider: { type: "string" },
      encryptedkey: { type: "string" },
      config: {
        type: "object",
        properties: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [`homelab:${name}`, schema])),
        required: (required as string[]).map((name) => `homelab:${name}`),
      },
    },
    required: ["config"],
  };
}

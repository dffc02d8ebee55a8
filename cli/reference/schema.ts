import { z } from "zod";
import { settingsSchema } from "../../settings/schema";

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

/** An encrypted value may stand wherever a text without a notation of its own may. */
function admitSecret(schema: JsonSchema): JsonSchema {
  const { description, default: preset, ...rest } = schema;
  return schema.type === "string" && schema.enum === undefined && schema.const === undefined
    ? {
        ...(description ? { description } : {}),
        ...(preset === undefined ? {} : { default: preset }),
        anyOf: [rest, { $ref: "#/$defs/secret" }],
      }
    : schema;
}

/** The settings as a JSON Schema, keys without their namespace. */
export function settingsJsonSchema(): JsonSchema {
  return z.toJSONSchema(settingsSchema, {
    io: "input",
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      // Of texts with a notation of their own (durations, sizes) the library leaves the default out.
      const { type, defaultValue } = zodSchema._zod.def as { type: string; defaultValue?: unknown };
      if (type === "default" && typeof defaultValue !== "object") {
        jsonSchema.default = defaultValue as string;
      }
    },
  }) as JsonSchema;
}

const secret: JsonSchema = {
  description: "Encrypted value, as `pulumi config set --secret` writes it.",
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
};

/** A stack file as a JSON Schema, for editors: `# yaml-language-server: $schema=…`. */
export function stackJsonSchema(): JsonSchema {
  const { $schema, $defs, properties = {}, required = [] } = settingsJsonSchema();
  return {
    $schema,
    title: "Stack file of the home lab",
    type: "object",
    $defs: { ...$defs, secret },
    properties: {
      encryptionsalt: { type: "string" },
      secretsprovider: { type: "string" },
      encryptedkey: { type: "string" },
      config: {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(properties).map(([name, schema]) => [`homelab:${name}`, mapSchema(schema, admitSecret)]),
        ),
        required: (required as string[]).map((name) => `homelab:${name}`),
      },
    },
    required: ["config"],
  };
}

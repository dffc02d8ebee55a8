import { z } from "zod";
import { settingsSchema } from "../../settings/schema";
import { docsOf, readSettingDocs, type SettingDocs } from "./docs-of-settings";

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
  [keyword: string]: unknown;
}

/** Descriptions from the sources' comments, wherever an object's property has one. */
function describe(schema: JsonSchema, docs: SettingDocs): void {
  const { properties } = schema;
  if (properties) {
    const comments = docsOf(docs, Object.keys(properties));
    for (const [name, property] of Object.entries(properties)) {
      const comment = comments.get(name);
      if (comment && property.description === undefined) {
        property.description = comment;
      }
    }
  }
  const inner = [
    ...Object.values(properties ?? {}),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.items,
    schema.additionalProperties,
  ];
  for (const each of inner) {
    if (each !== null && typeof each === "object") {
      describe(each, docs);
    }
  }
}

/** An encrypted value may stand wherever a text may. */
function admitSecrets(schema: JsonSchema): JsonSchema {
  const mapped = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === "properties") {
        return [
          key,
          Object.fromEntries(Object.entries(value as Record<string, JsonSchema>).map(([name, inner]) => [name, admitSecrets(inner)])),
        ];
      }
      if (key === "anyOf" || key === "oneOf") {
        return [key, (value as JsonSchema[]).map(admitSecrets)];
      }
      return [
        key,
        key === "items" || (key === "additionalProperties" && typeof value === "object") ? admitSecrets(value as JsonSchema) : value,
      ];
    }),
  ) as JsonSchema;
  const { description, default: preset, ...rest } = mapped;
  const secret = mapped.type === "string" && mapped.enum === undefined && mapped.const === undefined;
  return secret
    ? {
        ...(description ? { description } : {}),
        ...(preset === undefined ? {} : { default: preset }),
        anyOf: [rest, { $ref: "#/$defs/secret" }],
      }
    : mapped;
}

/** The settings as a JSON Schema, keys without their namespace. */
export function settingsJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(settingsSchema, {
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
  describe(schema, readSettingDocs());
  return schema;
}

/** A stack file as a JSON Schema, for editors: `# yaml-language-server: $schema=…`. */
export function stackJsonSchema(): JsonSchema {
  const { $schema, properties = {}, required = [] } = settingsJsonSchema();
  return {
    $schema,
    title: "Stack file of the home lab",
    type: "object",
    $defs: { secret: { type: "object", properties: { secure: { type: "string" } }, required: ["secure"], additionalProperties: false } },
    properties: {
      encryptionsalt: { type: "string" },
      secretsprovider: { type: "string" },
      encryptedkey: { type: "string" },
      config: {
        type: "object",
        properties: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [`homelab:${name}`, admitSecrets(schema)])),
        required: (required as string[]).filter((name) => name !== "maasApiKey").map((name) => `homelab:${name}`),
      },
    },
    required: ["config"],
  };
}

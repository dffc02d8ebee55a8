import { isMap, type PropertyMap, type PropertyValue, Unknown, unwrap } from "../protocol";

/** What a field may hold. `strings` is a map of texts; `any` a list of anything; `file` an asset or an archive. */
type Kind = "string" | "boolean" | "texts" | "strings" | "any" | "connection" | "file";

interface Schema {
  /** The type's name in check failures. */
  name: string;
  fields: Record<string, Kind>;
  required: string[];
}

const OUTPUTS = { stdin: "string", logging: "string", addPreviousOutputInEnv: "boolean" } as const;
const SCRIPTS = { create: "string", update: "string", delete: "string", environment: "strings", triggers: "any" } as const;
const PLACE = { dir: "string", interpreter: "texts", assetPaths: "texts", archivePaths: "texts" } as const;

export const SCHEMAS: Record<string, Schema> = {
  "command:local:Command": { name: "local.CommandInputs", fields: { ...SCRIPTS, ...PLACE, ...OUTPUTS }, required: [] },
  "command:remote:Command": {
    name: "remote.CommandInputs",
    fields: { connection: "connection", ...SCRIPTS, ...OUTPUTS },
    required: ["connection"],
  },
  "command:remote:CopyToRemote": {
    name: "remote.CopyToRemoteInputs",
    fields: { connection: "connection", source: "file", remotePath: "string", triggers: "any" },
    required: ["connection", "source", "remotePath"],
  },
  "command:remote:CopyFile": {
    name: "remote.CopyFileInputs",
    fields: { connection: "connection", localPath: "string", remotePath: "string", triggers: "any" },
    required: ["connection", "localPath", "remotePath"],
  },
  "command:local:run": {
    name: "local.RunInputs",
    fields: { command: "string", environment: "strings", ...PLACE, ...OUTPUTS },
    required: ["command"],
  },
};

const CONNECTION_FIELDS: Record<string, string> = {
  host: "string",
  user: "string",
  password: "string",
  privateKey: "string",
  privateKeyPassword: "string",
  agentSocketPath: "string",
  hostKey: "string",
  port: "number",
  dialErrorLimit: "number",
  perDialTimeout: "number",
};

export interface Failure {
  property: string;
  reason: string;
}

/** Go's names for the types of JSON values. */
function goType(value: PropertyValue): string {
  switch (typeof value) {
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    default:
      return Array.isArray(value) ? "[]interface {}" : value === null ? "<nil>" : "map[string]interface {}";
  }
}

/** Everything that is wrong with the inputs, in the official plugin's words; at most one failure a field. */
export function check(schema: Schema, inputs: PropertyMap): Failure[] {
  return Object.entries(schema.fields).flatMap(([field, kind]) => {
    const value = inputs[field] === undefined ? null : unwrap(inputs[field]);
    if (value === null) {
      return schema.required.includes(field) ? [missing(schema.name, field)] : [];
    }
    const failure = value instanceof Unknown ? undefined : wrongKind(schema.name, field, kind, value);
    return failure ? [failure] : [];
  });
}

const missing = (type: string, field: string): Failure => ({ property: field, reason: `Missing required field '${field}' on '${type}'` });

function wrong(type: string, place: string, expected: string, value: PropertyValue): Failure {
  return { property: place, reason: `Field '${place}' on '${type}' must be a '${expected}'; got '${goType(value)}' instead` };
}

function wrongKind(type: string, field: string, kind: Kind, value: PropertyValue): Failure | undefined {
  switch (kind) {
    case "string":
      return typeof value === "string" ? undefined : wrong(type, field, "string", value);
    case "boolean":
      return typeof value === "boolean" ? undefined : wrong(type, field, "bool", value);
    case "texts":
      return Array.isArray(value) ? wrongText(type, value, (index) => `${field}[${index}]`) : wrong(type, field, "[]string", value);
    case "strings":
      return isMap(value) ? wrongText(type, value, (key) => `${field}[${key}] value`) : wrong(type, field, "map[string]string", value);
    case "any":
      return Array.isArray(value) ? undefined : wrong(type, field, "[]interface {}", value);
    case "connection":
      return isMap(value) ? wrongEndpoint(type, field, value) : wrong(type, field, "remote.Connection", value);
    case "file":
      return typeof value === "object" && !Array.isArray(value) && !isMap(value)
        ? undefined
        : wrong(type, field, "types.AssetOrArchive", value);
  }
}

/** The first item of a list or map that is no text. */
function wrongText(type: string, values: PropertyValue[] | PropertyMap, place: (key: string) => string): Failure | undefined {
  for (const [key, item] of Object.entries(values)) {
    const bare = unwrap(item);
    if (!(bare instanceof Unknown) && typeof bare !== "string") {
      return wrong(type, place(key), "string", bare);
    }
  }
  return undefined;
}

function wrongEndpoint(type: string, field: string, value: PropertyMap): Failure | undefined {
  if (value.host === undefined || value.host === null) {
    return { property: field, reason: missing("remote.Connection", "host").reason };
  }
  for (const [key, expected] of Object.entries(CONNECTION_FIELDS)) {
    const bare = value[key] === undefined ? null : unwrap(value[key]);
    if (bare !== null && !(bare instanceof Unknown) && typeof bare !== expected) {
      return { property: field, reason: wrong(type, `${field}.${key}`, expected === "number" ? "float64" : expected, bare).reason };
    }
  }
  const proxy = value.proxy === undefined ? null : unwrap(value.proxy);
  return isMap(proxy ?? null) ? wrongEndpoint(type, field, proxy as PropertyMap) : undefined;
}

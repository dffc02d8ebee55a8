import * as fs from "node:fs";
import * as path from "node:path";
import { checkout } from "../paths";
import { type JsonSchema, settingsJsonSchema } from "./schema";

const START = "\n# What follows is generated from settings/";

/** Pulumi's name of a type, and the default that makes a setting optional for the engine: what is required, the program itself says. */
function declaration(schema: JsonSchema): string[] {
  if (schema.type === "array") {
    return ["type: array", "items:", "  type: object", "default: []"];
  }
  if (schema.type === "object") {
    return ["type: object", "default: {}"];
  }
  return typeof schema.default === "boolean"
    ? ["type: boolean", `default: ${schema.default}`]
    : ["type: string", `default: ${JSON.stringify(schema.default ?? "")}`];
}

/** `Pulumi.yaml`: what is written there, and its `config:` block from the settings' schema. */
export function projectFile(): string {
  const written = fs.readFileSync(path.join(checkout, "Pulumi.yaml"), "utf8").split(START)[0];
  const { properties = {} } = settingsJsonSchema();
  const settings = Object.entries(properties).flatMap(([name, schema]) => [
    `  ${name}:`,
    `    description: ${JSON.stringify(schema.description)}`,
    ...declaration(schema).map((line) => `    ${line}`),
  ]);
  return [
    `${written}${START}, by cli/reference/write.ts; do not edit. It has the outer shape only: the program`,
    "# checks what is inside, and names path, finding and fix. The defaults are empty so that it reports a missing section, too.",
    "# maasApiKey is a secret, which the program insists on: with `secret: true` the engine would not let it be absent.",
    "config:",
    ...settings,
    "",
  ].join("\n");
}

import { type JsonSchema, settingsJsonSchema } from "./schema";

interface Row {
  path: string;
  type: string;
  preset: string;
  text: string;
}

function typeOf(schema: JsonSchema): string {
  if (schema.$ref) {
    const name = schema.$ref.replace("#/$defs/", "");
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) {
    return `\`${schema.const}\``;
  }
  if (schema.enum) {
    return schema.enum.map((value) => `\`${value}\``).join(", ");
  }
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) {
    return [...new Set(alternatives.map(typeOf))].join(" or ");
  }
  if (schema.type === "array") {
    const each = schema.items ? typeOf(schema.items) : "values";
    return `list of ${each.includes(" or ") ? `(${each})` : each}`;
  }
  return { string: "text", number: "number", integer: "whole number", boolean: "true or false", object: "map" }[schema.type ?? ""] ?? "any";
}

const preset = (value: unknown): string =>
  value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)
    ? ""
    : `\`${JSON.stringify(value).replace(/^"|"$/g, "")}\``;

/** Every setting below a path, in the order of the schema; alternatives one after another. */
function rowsOf(path: string, schema: JsonSchema): Row[] {
  const rows: Row[] = [];
  const walk = (at: string, part: JsonSchema): void => {
    for (const [name, property] of Object.entries(part.properties ?? {})) {
      const row = { path: `${at}.${name}`, type: typeOf(property), preset: preset(property.default), text: property.description ?? "" };
      if (!rows.some((known) => known.path === row.path && known.type === row.type)) {
        rows.push(row);
      }
      walk(row.path, property);
    }
    for (const alternative of part.anyOf ?? part.oneOf ?? []) {
      walk(at, alternative);
    }
    if (part.items) {
      walk(`${at}[]`, part.items);
    }
    if (typeof part.additionalProperties === "object") {
      walk(`${at}.<name>`, part.additionalProperties);
    }
  };
  walk(path, schema);
  return rows;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

/** `docs/reference/settings.md`. */
export function settingsPage(): string {
  const { properties = {}, $defs = {} } = settingsJsonSchema();
  const sections = Object.entries(properties).map(([name, schema]) => {
    const rows = rowsOf(name, schema);
    const table = [
      "| setting | is | default | |",
      "|---|---|---|---|",
      ...rows.map(({ path, type, preset: value, text }) => `| \`${path}\` | ${cell(type)} | ${cell(value)} | ${cell(text)} |`),
    ];
    const own = rows.length === 0 ? [`${typeOf(schema)}${preset(schema.default) ? `, by default ${preset(schema.default)}` : ""}`] : table;
    return [`## homelab:${name}`, "", ...(schema.description ? [schema.description, ""] : []), ...own, ""].join("\n");
  });
  const notations = Object.entries($defs).map(([name, { description }]) => [`### ${name}`, "", description, ""].join("\n"));
  return [
    "# Settings",
    "",
    "Generated from the schema in `settings/`; do not edit. All settings are checked before anything changes; `./lab check <stack>` runs the",
    "checks alone. To complete and check a stack file in an editor that knows JSON Schema, add this as its first line:",
    "`# yaml-language-server: $schema=docs/reference/stack.schema.json`. To set a secret, run",
    "`./lab pulumi config set --secret --path 'homelab:…'`. Where the table names it, a file may hold it: `{file: ~/.ssh/id_ed25519}`.",
    "",
    ...sections,
    "## Notations",
    "",
    ...notations,
  ].join("\n");
}

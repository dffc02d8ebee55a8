import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";
import { checkout } from "../paths";

/** Comments of the settings' schemas in the sources, by the names of the properties of each object. */
export type SettingDocs = Map<string, Map<string, string>>;

const keyOf = (names: readonly string[]) => [...names].sort().join(",");

function commentOf(node: ts.Node, source: string): string | undefined {
  const ranges = ts.getLeadingCommentRanges(source, node.getFullStart()) ?? [];
  const last = ranges.filter(({ pos }) => source.startsWith("/**", pos)).at(-1);
  return (
    last &&
    source
      .slice(last.pos + 3, last.end - 2)
      .split("\n")
      .map((line) => line.replace(/^\s*\*?\s?/, "").trim())
      .filter(Boolean)
      .join(" ")
  );
}

/**
 * The doc comments of every `z.strictObject({…})` in settings/: they are written for people who read the
 * sources, and the schema itself has none.
 */
export function readSettingDocs(): SettingDocs {
  const folder = path.join(checkout, "settings");
  const docs: SettingDocs = new Map();
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith(".ts"))) {
    const text = fs.readFileSync(path.join(folder, name), "utf8");
    const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
    const visit = (node: ts.Node): void => {
      if (
        ts.isCallExpression(node) &&
        /^z\s*\.strictObject$/.test(node.expression.getText(source)) &&
        ts.isObjectLiteralExpression(node.arguments[0])
      ) {
        const properties = node.arguments[0].properties.filter((property) => property.name !== undefined);
        const names = properties.map((property) => (property.name as ts.Identifier).text);
        const comments = properties.flatMap((property, index): [string, string][] => {
          const comment = commentOf(property, text);
          return comment ? [[names[index], comment]] : [];
        });
        docs.set(keyOf(names), new Map(comments));
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return docs;
}

export function docsOf(docs: SettingDocs, names: readonly string[]): Map<string, string> {
  return docs.get(keyOf(names)) ?? new Map();
}

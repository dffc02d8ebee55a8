import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";
import { checkout } from "../paths";

export interface KnownError {
  /** File that it comes from. */
  file: string;
  at: string;
  message: string;
  fix: string;
}

/** A text of the sources, what is filled in at run time as `…`. */
function textOf(node: ts.Expression | undefined): string | undefined {
  if (node === undefined) {
    return undefined;
  }
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
    return node.text;
  }
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join("");
  }
  if (ts.isConditionalExpression(node)) {
    return [textOf(node.whenTrue), textOf(node.whenFalse)].filter(Boolean).join(" / ") || undefined;
  }
  return undefined;
}

/** Every mistake of a user that the program knows to name: object literals with a message and what to do about it. */
export function knownErrors(): KnownError[] {
  const found: KnownError[] = [];
  const files = ["components", "settings", "cli"].flatMap((folder) =>
    fs.readdirSync(path.join(checkout, folder), { recursive: true, encoding: "utf8" }).map((file) => path.posix.join(folder, file)),
  );
  for (const file of files.filter((name) => name.endsWith(".ts")).sort()) {
    const source = ts.createSourceFile(file, fs.readFileSync(path.join(checkout, file), "utf8"), ts.ScriptTarget.ES2022, true);
    const visit = (node: ts.Node): void => {
      if (ts.isObjectLiteralExpression(node)) {
        const value = (name: string) => {
          const property = node.properties.find((each) => each.name?.getText(source) === name);
          return property && ts.isPropertyAssignment(property) ? textOf(property.initializer) : undefined;
        };
        const [message, fix, at] = [value("message"), value("fix"), value("path")];
        if (message && fix) {
          found.push({ file, at: at ?? "", message, fix });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

/** `docs/reference/errors.md`. */
export function errorPage(): string {
  const errors = knownErrors();
  const files = [...new Set(errors.map(({ file }) => file))];
  return [
    "# Refusals",
    "",
    "Generated from the sources; do not edit. What the program refuses before it touches anything (exit code 2), by the part that refuses it;",
    "`…` is filled in at run time. For what goes wrong later, see [troubleshooting](../troubleshooting.md).",
    "",
    ...files.flatMap((file) => [
      `## ${file.replace(/\.ts$/, "")}`,
      "",
      "| it says | do |",
      "|---|---|",
      ...errors.filter((error) => error.file === file).map(({ message, fix }) => `| ${cell(message)} | ${cell(fix)} |`),
      "",
    ]),
  ].join("\n");
}

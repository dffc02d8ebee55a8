// Texts of the command line, settings and components that users may see, read from the sources.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** Words that are read, not code: three in a row with nothing but spaces between them. */
const words = /\p{L}{2,}[,;:.]? \p{L}+[,;:.]? \p{L}+/u;
/** A query of Prometheus: `metric{job="a"}`. */
const query = /\{[\w, ="!]*=~?"/;
const isProse = (text) => words.test(text) && !query.test(text);
/** Of these folders' own files. */
const folders = ["cli", "settings", "components"];

/**
 * @param root of the checkout, which has the compiler
 * @returns by file, the texts with the line that each begins in; what is put into a text is an X
 */
export function shownTexts(root) {
  const ts = createRequire(path.join(root, "package.json"))("typescript");
  const files = folders.flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name)));
  const own = files.filter((name) => /\.tsx?$/.test(name) && !/(^|\/)(node_modules|dist)\//.test(name) && !name.endsWith(".d.ts"));
  return Object.fromEntries(own.sort().map((name) => [name, textsOf(ts, name, readFileSync(path.join(root, name), "utf8"))]));
}

/** Texts of one source. */
export function textsOf(ts, name, source) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const found = [];
  /** Of a literal, a template, or some of them added; undefined for anything else. */
  const read = (node) => {
    if (ts.isStringLiteralLike(node)) {
      return node.text;
    }
    if (ts.isTemplateExpression(node)) {
      return node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join("");
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
      const [left, right] = [read(node.left), read(node.right)];
      return left === undefined && right === undefined ? undefined : `${left ?? "X"}${right ?? "X"}`;
    }
    return undefined;
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      return;
    }
    const text = read(node);
    if (text !== undefined && isProse(text)) {
      found.push({ line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1, text });
    }
    // What is put into a template may have texts of its own.
    if (text === undefined) {
      ts.forEachChild(node, visit);
    } else if (ts.isTemplateExpression(node)) {
      node.templateSpans.forEach(({ expression }) => visit(expression));
    } else if (ts.isBinaryExpression(node)) {
      [node.left, node.right].filter((side) => read(side) === undefined).forEach(visit);
    }
  };
  visit(file);
  return found;
}

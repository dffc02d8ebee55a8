// The pages of the components' API, from typedoc: `node cli/reference/api.mjs` writes them; `--check` prints what is undocumented or stale.
// A program for itself: typedoc is an ES module, takes seconds and is there for development only.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { Application, ReflectionKind as Kind } from "typedoc";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const folder = "docs/reference/api";

const application = await Application.bootstrap({
  entryPoints: [path.join(checkout, "components/index.ts")],
  tsconfig: path.join(checkout, "components/tsconfig.json"),
  basePath: checkout,
  readme: "none",
  // The types are checked elsewhere, by a faster compiler.
  skipErrorChecking: true,
  disableGit: true,
  sourceLinkTemplate: "{path}",
  excludePrivate: true,
  excludeProtected: true,
  excludeExternals: true,
  validation: { notExported: true, notDocumented: true, invalidLink: true, rewrittenLink: false, unusedMergeModuleWith: false },
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "Constructor", "Property", "Method", "Accessor", "TypeAlias"],
  sort: ["source-order"],
});
const complaints = [];
for (const level of ["warn", "error"]) {
  application.logger[level] = (text) => {
    // What `nodes` gives out are the components' inner parts, which the face does not promise; arguments it has to name.
    if (!/referenced by .* but not included/.test(text) || /^\w*(Args|Options|Access),/.test(text)) {
      complaints.push(String(text));
    }
  };
}
const project = await application.convert();
if (!project) {
  throw new Error(complaints.join("\n"));
}
application.validate(project);

/** A comment as one paragraph, with its tags behind it. */
function words(comment) {
  const flat = (parts) =>
    parts
      .map(({ kind, text }) => (kind === "inline-tag" ? `\`${text}\`` : text))
      .join("")
      .replace(/\s*\n\s*/g, " ")
      .trim();
  const tags = (comment?.blockTags ?? []).map(({ tag, content }) =>
    tag === "@example" ? `\n\n${content.map(({ text }) => text).join("")}` : ` ${tag === "@throws" ? "Throws:" : "See"} ${flat(content)}`,
  );
  return comment ? `${flat(comment.summary)}${tags.join("")}`.trim() : "";
}

/** As code, also where it holds a backtick. */
const code = (text) => (text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``);
const listed = (items) => items.map((each) => typed(each));

/** A type as it is written, objects inside as `{…}`: their members follow in a list. */
function typed(type) {
  switch (type?.type) {
    case "reflection":
      return type.declaration.signatures ? signature(type.declaration.signatures[0], " => ") : "{…}";
    case "union":
      return listed(type.types).join(" | ");
    case "intersection":
      return listed(type.types)
        .map((each) => (each.includes(" | ") ? `(${each})` : each))
        .join(" & ");
    case "array":
      return /[ |&]/.test(typed(type.elementType)) ? `(${typed(type.elementType)})[]` : `${typed(type.elementType)}[]`;
    case "typeOperator":
      return `${type.operator} ${typed(type.target)}`;
    case "reference":
      return `${type.name}${type.typeArguments?.length > 0 ? `<${listed(type.typeArguments).join(", ")}>` : ""}`;
    case "tuple":
      return `[${listed(type.elements).join(", ")}]`;
    case "namedTupleMember":
      return `${type.name}: ${typed(type.element)}`;
    case "optional":
      return `${typed(type.elementType)}?`;
    default:
      return String(type ?? "void");
  }
}

function signature({ parameters = [], type }, arrow = ": ") {
  const names = parameters.map((each) => `${each.name}${each.flags.isOptional || each.defaultValue ? "?" : ""}: ${typed(each.type)}`);
  return `(${names.join(", ")})${arrow}${typed(type)}`;
}

/** The objects that a type holds, each with members of its own. */
function objects(type) {
  if (type?.type === "reflection") {
    return type.declaration.children ? [type.declaration] : [];
  }
  const inner = [type?.elementType, type?.target, type?.element, ...(type?.types ?? []), ...(type?.typeArguments ?? []), ...(type?.elements ?? [])];
  return inner.filter(Boolean).flatMap(objects);
}

const item = (depth, name, type, text) => `${"  ".repeat(depth)}- ${code(name + type)}${text ? `: ${text.replaceAll("\n", `\n${"  ".repeat(depth + 1)}`)}` : ""}`;

function member(each, depth) {
  const optional = each.flags.isOptional ? "?" : "";
  if (each.kindOf([Kind.Method, Kind.Constructor])) {
    return each.signatures.flatMap((one) => [
      item(depth, each.kindOf(Kind.Constructor) ? `new ${each.parent.name}` : each.name, signature(one), words(one.comment)),
      ...parametersOf(one, depth + 1),
    ]);
  }
  const read = each.getSignature;
  const type = read ? read.type : each.type;
  return [item(depth, each.name, `${optional}: ${typed(type)}`, words((read ?? each).comment)), ...membersOf(objects(type), depth + 1)];
}

function parametersOf({ parameters = [] }, depth) {
  return parameters.filter(({ comment }) => comment).map((each) => item(depth, each.name, "", words(each.comment)));
}

/** Where there are several, they are alternatives: one after another. */
function membersOf(all, depth) {
  return all.flatMap((one, index) => [
    ...(all.length > 1 ? [`${"  ".repeat(depth)}- ${index === 0 ? "either" : "or"}`] : []),
    ...(one.children ?? []).flatMap((each) => member(each, depth + (all.length > 1 ? 1 : 0))),
  ]);
}

function section(each) {
  const head = `## ${each.name}`;
  if (each.kindOf(Kind.Function)) {
    return each.signatures.flatMap((one) => [head, "", code(each.name + signature(one)), "", words(one.comment), "", ...parametersOf(one, 0), ""]);
  }
  const shape = each.type ? [code(typed(each.type)), ""] : [];
  const members = each.children ? membersOf([each], 0) : membersOf(objects(each.type), 0);
  return [head, "", ...shape, words(each.comment), "", ...members, ""];
}

const titles = {
  core: "What components share",
  guards: "Guards",
  ingress: "Ingress and login",
  k3s: "k3s",
  maas: "MAAS",
  monitoring: "Monitoring",
  "start-page": "Start page",
  taskserver: "Task servers",
};
const pages = {};
const exported = project.children.flatMap((each) => (each.kindOf(Kind.Module) ? each.children : [each]));
for (const each of exported) {
  const [source] = each.sources ?? each.signatures?.[0].sources ?? [];
  const of = /components\/([\w-]+)\//.exec(source?.fileName)?.[1] ?? "core";
  pages[of] ??= [];
  pages[of].push(each);
}
const rank = (each) => [Kind.Class, Kind.Function, Kind.Interface].indexOf(each.kind) >>> 0;
const files = Object.fromEntries(
  Object.entries(pages).map(([name, all]) => {
    const sections = all.slice().sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1)).flatMap(section);
    const text = [`# ${titles[name] ?? name}`, "", "From the sources of `@homelab/components`, by `node cli/reference/api.mjs`.", "", ...sections].join("\n");
    return [`${folder}/${name}.md`, `${text.replace(/\n{3,}/g, "\n\n").trimEnd()}\n`];
  }),
);

if (process.argv.includes("--check")) {
  const there = (file) => (fs.existsSync(path.join(checkout, file)) ? fs.readFileSync(path.join(checkout, file), "utf8") : "");
  const known = fs.readdirSync(path.join(checkout, folder)).map((file) => `${folder}/${file}`);
  const stale = [...new Set([...known, ...Object.keys(files)])].filter((file) => there(file) !== files[file]);
  console.log(JSON.stringify({ exported: exported.length, complaints, stale }));
} else {
  fs.rmSync(path.join(checkout, folder), { recursive: true, force: true });
  fs.mkdirSync(path.join(checkout, folder), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    fs.writeFileSync(path.join(checkout, file), text);
  }
  console.log([...complaints, `${exported.length} exported`].join("\n"));
}

// Compiles the library to dist/, which is what `npm pack` takes: JavaScript, its types, and the files that are read at run time.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const dist = path.join(__dirname, "dist");
fs.rmSync(dist, { recursive: true, force: true });
const tsc = [require.resolve("typescript/bin/tsc"), "--project", __dirname];
const { status } = spawnSync(process.execPath, tsc, { stdio: ["ignore", 2, 2] });
for (const file of fs.readdirSync(__dirname, { recursive: true })) {
  if (/\.(sh|cjs|html|conf)$/.test(file) && !/^(dist|node_modules)\b|^pack\.cjs$/.test(file)) {
    fs.cpSync(path.join(__dirname, file), path.join(dist, "components", file));
  }
}
const { bundled } = require("./dist/components/start-page/bundle.js");
const app = path.join("start-page", "app");
fs.mkdirSync(path.join(dist, "components", app, "bundle"));
for (const [name, text] of Object.entries(bundled(path.join(__dirname, app)))) {
  fs.writeFileSync(path.join(dist, "components", app, "bundle", name), text);
}
for (const file of fs.readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
  const text = fs.readFileSync(path.join(dist, file), "utf8");
  fs.writeFileSync(path.join(dist, file), orUndefined(text));
}
process.exitCode = status ?? 1;

/**
 * What may be left out may also be undefined: the library is checked so, but a program with `exactOptionalPropertyTypes` would read
 * its types otherwise, and refuse `port: config.getNumber("port")`.
 */
function orUndefined(declarations) {
  const open = [];
  const lines = declarations.split("\n").map((line) => {
    const [, indent, before, type] = /^(\s+)((?:readonly )?\w+\?: )(.*)$/.exec(line) ?? [];
    if (before && /[^)]\);$/.test(type) && !type.includes("(")) {
      return line; // The last parameter of a function.
    }
    if (before && type.endsWith(";")) {
      return `${indent}${before}(${type.slice(0, -1)}) | undefined;`;
    }
    if (before && type.endsWith("{")) {
      open.push(indent);
      return `${indent}${before}(${type}`;
    }
    if (open.length > 0 && line.startsWith(`${open.at(-1)}}`) && line.endsWith(";")) {
      open.pop();
      return `${line.slice(0, -1)}) | undefined;`;
    }
    return line;
  });
  if (open.length > 0) {
    throw new Error(`a type of several lines does not end in:\n${declarations}`);
  }
  const text = lines.join("\n").replace(/\bPartial</g, "Optional<");
  return text.includes("Optional<") ? `${text}type Optional<T> = { [K in keyof T]?: T[K] | undefined };\n` : text;
}

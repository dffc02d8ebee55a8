// Makes `require` load this checkout's TypeScript, without checking types: `node --require ./load-typescript.cjs FILE`.
//
// sucrase leaves every line where it is, so no source maps are needed; what it made is kept under .lab/compiled.
// (A loader that also looks into the packages' own files, as tsx does, doubles the time in which the program starts.)
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const kept = path.join(__dirname, ".lab", "compiled");
const compiler = `${require("sucrase/package.json").version}\0${fs.readFileSync(__filename, "utf8")}`;

/** The file's JavaScript. The end of a kept one tells what it was made of. */
function compiled(file) {
  const source = fs.readFileSync(file, "utf8");
  const madeOf = `\n// ${createHash("sha256").update(`${compiler}\0${source}`).digest("hex")}\n`;
  const name = path.relative(__dirname, file);
  const output = name.startsWith("..") ? undefined : `${path.join(kept, name)}.js`;
  const found = output && fs.existsSync(output) ? fs.readFileSync(output, "utf8") : "";
  if (found.endsWith(madeOf)) {
    return found;
  }
  const { transform } = require("sucrase");
  const code = transform(source, {
    filePath: file,
    transforms: ["typescript", "imports"],
    disableESTransforms: true,
    preserveDynamicImport: true,
  }).code;
  if (output) {
    keep(output, code + madeOf);
  }
  return code;
}

/** Several processes may start at once, and the checkout may be read-only. */
function keep(output, code) {
  const unfinished = `${output}.${process.pid}`;
  try {
    fs.mkdirSync(path.dirname(output), { recursive: true });
    fs.writeFileSync(unfinished, code);
    fs.renameSync(unfinished, output);
  } catch {
    fs.rmSync(unfinished, { force: true });
  }
}

require.extensions[".ts"] = (module, file) => {
  // The engine's SDK has every stack that it takes, several of each resource, looked up in its own source maps:
  // a sixth of a run's time, for lines of a TypeScript that is not even in its package.
  Error.prepareStackTrace = undefined;
  module._compile(compiled(file), file);
};

// The SDK loads a compiler and npm's own library for functions that are sent to the cloud. There are none in this program: a ninth of
// the time of a preview. Whoever asks for something of them gets it. What starts the program would read source maps, too, for the stack
// of the first resource.
const load = Module._load;
Module._load = (request, parent, isMain) => {
  const wanted = () => load(request, parent, isMain);
  if (request === "source-map-support/register" && /[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "")) {
    return {};
  }
  const early = /[\\/]@pulumi[\\/]pulumi[\\/](runtime[\\/]closure[\\/]|tsutils)/.test(parent?.filename ?? "");
  return early && /typescript-shim$|^@npmcli\/arborist$/.test(request)
    ? new Proxy({}, { get: (_, key) => (key === "__esModule" ? true : wanted()[key]) })
    : wanted();
};

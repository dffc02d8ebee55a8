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
const { bundled } = require("./dist/components/start-page/files.js");
const app = path.join("start-page", "app");
fs.mkdirSync(path.join(dist, "components", app, "bundle"));
for (const name of ["page.js", "page.css"]) {
  fs.writeFileSync(path.join(dist, "components", app, "bundle", name), bundled(name, path.join(__dirname, app)));
}
process.exitCode = status ?? 1;

// Adds to package-lock.json the optional packages of other platforms that npm has left out: it drops those that its registry does not
// have, and `npm ci` then refuses the lock file. Their versions are exact in what asks for them, so nothing needs to be looked up.
// Run it after npm has changed the lock file:  node .ci/complete-lock-file.cjs
const fs = require("node:fs");
const path = require("node:path");

const operatingSystems = ["darwin", "linux", "win32", "android", "freebsd", "openbsd", "netbsd", "sunos", "aix", "openharmony"];
const processors = ["arm64", "x64", "arm", "ia32", "ppc64", "s390x", "riscv64", "loong64", "mips64el", "wasm32"];

/** Whether `name`, asked for by the package at `from`, is in the lock file: beside it, or further up. */
function isLocked(packages, from, name) {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    if (packages[`${base ? `${base}/` : ""}node_modules/${name}`]) {
      return true;
    }
    if (base === "") {
      return false;
    }
  }
}

/** Every optional package that is asked for and not locked, as a lock file's entry. */
function missing(packages) {
  const entries = {};
  for (const [from, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (isLocked(packages, from, name)) {
        continue;
      }
      const words = name.split(/[/-]/);
      const os = name === "fsevents" ? "darwin" : operatingSystems.find((one) => words.includes(one));
      const cpu = processors.find((one) => words.includes(one));
      entries[`node_modules/${name}`] = {
        version: range.replace(/^[~^]/, ""),
        optional: true,
        ...(dev && { dev }),
        ...(os && { os: [os] }),
        ...(cpu && { cpu: [cpu] }),
        ...(words.includes("musl") && { libc: ["musl"] }),
        ...(words.includes("gnu") && { libc: ["glibc"] }),
      };
    }
  }
  return entries;
}

module.exports = { missing };

if (require.main === module) {
  const file = path.join(__dirname, "..", "package-lock.json");
  const lock = JSON.parse(fs.readFileSync(file, "utf8"));
  const added = missing(lock.packages);
  lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...added }).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`${Object.keys(added).length} added`);
}

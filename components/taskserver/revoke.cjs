// Started by command.local.Command: the revocation list's program, compiled or without a build step.
const fs = require("node:fs");
const path = require("node:path");

const compiled = fs.existsSync(path.join(__dirname, "revocations.js"));
if (!compiled) {
  require("../../load-typescript.cjs");
}
require(compiled ? "./revocations.js" : "./revocations.ts").main();

// Starts fast and loads little: hands a step over to the service of its region, which the first step starts (service.ts).
// Where no service can be had, the step runs in this process.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const { tmpdir, userInfo } = require("node:os");
const path = require("node:path");
const { createInterface } = require("node:readline");
const { spawn } = require("node:child_process");

/** How long a service may take to start, in milliseconds. */
const START = 15_000;
/** Without a build step, unless this is the compiled library. */
const compiled = fs.existsSync(path.join(__dirname, "program.js"));
const loader = path.join(__dirname, "../../../load-typescript.cjs");
const program = (name) => path.join(__dirname, `${name}.${compiled ? "js" : "ts"}`);

/** Names and times of the code, so that a service of an earlier version is not asked. */
function codeVersion() {
  const hash = createHash("sha256");
  for (const folder of [".", "../api", "../steps", "../../core"]) {
    const directory = path.join(__dirname, folder);
    for (const name of fs.readdirSync(directory).sort()) {
      const { mtimeMs, size } = fs.statSync(path.join(directory, name));
      hash.update(`${folder}/${name} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest("hex");
}

/** A folder that only this user can enter; undefined where somebody else's lies in its place. */
function ownFolder() {
  const { uid } = userInfo();
  const folder = path.join(process.env.XDG_RUNTIME_DIR || tmpdir(), `homelab-steps-${uid}`);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (error.code !== "EEXIST") {
      return undefined;
    }
  }
  const found = fs.lstatSync(folder);
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? folder : undefined;
}

/** The same address may be another MAAS in another network namespace, and sockets in a folder reach across them. */
function networkNamespace() {
  try {
    return fs.readlinkSync("/proc/self/ns/net");
  } catch {
    return "";
  }
}

function socketFor(environment) {
  const folder = ownFolder();
  const parts = [
    environment.MAAS_URL,
    environment.MAAS_API_KEY,
    environment.NODE_EXTRA_CA_CERTS,
    networkNamespace(),
    process.version,
    __dirname,
    codeVersion(),
  ];
  const name = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
  const socket = folder && path.join(folder, `${name}.sock`);
  // The kernel takes 107 bytes, and the service begins with a longer name.
  return socket && Buffer.byteLength(socket) <= 90 ? socket : undefined;
}

function connect(socket) {
  return new Promise((resolve, reject) => {
    const connection = net.connect(socket);
    connection.once("connect", () => resolve(connection));
    connection.once("error", reject);
  });
}

/** The service must not see what is secret of one step, and must not hold the step's output open. */
function startService(socket) {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PULUMI_|MAAS_|POWER_PARAMETERS$|VM_HOST_SECRETS$|USER_DATA$)/.test(name)),
  );
  const code = `require(${JSON.stringify(program("service"))}).serve(${JSON.stringify(socket)})`;
  // It holds secrets, which a core dump would write to the disk.
  const noDumps = 'ulimit -c 0; exec "$0" "$@"';
  const child = spawn("/bin/sh", ["-c", noDumps, process.execPath, ...(compiled ? [] : ["--require", loader]), "--eval", code], {
    cwd: "/",
    env: environment,
    detached: true,
    stdio: "ignore",
  });
  child.on("error", () => undefined);
  child.unref();
}

async function connected(socket) {
  try {
    return await connect(socket);
  } catch {
    startService(socket);
  }
  for (const until = Date.now() + START; Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const connection = await connect(socket).catch(() => undefined);
    if (connection) {
      return connection;
    }
  }
  return undefined;
}

/** What the service answers; undefined where it ended in the middle, and the step has to be run again. */
function ask(connection, request, print) {
  return new Promise((resolve) => {
    let answer;
    connection.on("error", () => resolve(answer));
    connection.on("close", () => resolve(answer));
    createInterface({ input: connection }).on("line", (line) => {
      const reply = JSON.parse(line);
      if (reply.line !== undefined) {
        print(reply.line);
      } else {
        answer = reply;
      }
    });
    connection.write(`${JSON.stringify(request)}\n`);
  });
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
  }
  const request = { args: process.argv.slice(2), stdin: Buffer.concat(chunks).toString("utf8"), environment: { ...process.env } };
  const print = (line) => process.stderr.write(`${line}\n`);
  let answer;
  if (process.env.HOMELAB_STEP_SERVICE !== "off") {
    const socket = socketFor(process.env);
    const connection = socket && (await connected(socket));
    answer = connection && (await ask(connection, request, print));
  }
  if (!answer) {
    if (!compiled) {
      require(loader);
    }
    answer = await require(program("program")).execute(request.args, request.stdin, request.environment, print);
  }
  process.stdout.write(answer.stdout);
  process.exitCode = answer.code;
}

main();

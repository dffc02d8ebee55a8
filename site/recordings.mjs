// Makes the recordings of README.md on the embedded lab, which it brings up and leaves up:
//
//   npm ci --prefix site && npm run --prefix site recordings
//
// As root, with Debian's bsdutils (`script`) and taskwarrior. LAB_STATE says which lab, as always.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { film } from "./film.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), "homelab-recordings-"));
const columns = 100;
const rows = 26;

/** Runs lines of shell on a terminal. Returns what it showed, with the seconds at which it came. */
function recorded(lines, environment = {}) {
  const [out, timing, file] = ["out", "timing", "lines.sh"].map((name) => path.join(scratch, name));
  const typed = lines.map((line) => `printf '\\033[1m$ %s\\033[0m\\n' ${quote(line)}; sleep 1; ${line}`);
  writeFileSync(file, `stty cols ${columns} rows ${rows}\nset -e\n${typed.join("\n")}\n`);
  const { CI: _, ...env } = process.env;
  const options = { cwd: root, env: { ...env, TERM: "xterm-256color", ...environment }, stdio: ["ignore", "ignore", "inherit"] };
  const { status } = spawnSync("script", ["-qe", "-c", `bash ${file}`, "-O", out, "-T", timing], options);
  // 3: a report of a change that loses data.
  if (status !== 0 && status !== 3) {
    throw new Error(`${lines.join("; ")} ended with ${status}:\n${readFileSync(out, "utf8").slice(-3000)}`);
  }
  return piecesOf(readFileSync(out), readFileSync(timing, "utf8"));
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Of `script`: the output between a line each of its own, and how long after the last piece each piece of so many bytes came. */
function piecesOf(output, timing) {
  let at = output.indexOf("\n") + 1;
  let time = 0;
  return timing
    .trim()
    .split("\n")
    .map((line) => {
      const [seconds, bytes] = line.split(" ").slice(-2).map(Number);
      time += seconds;
      const text = output.subarray(at, at + bytes);
      at += bytes;
      return { time, text };
    });
}

async function make(name, title, pieces) {
  const svg = await film(pieces, { title, columns, rows });
  if (svg.includes(root) || svg.includes(scratch)) {
    throw new Error(`${name} shows a path of this computer`);
  }
  writeFileSync(path.join(root, "docs/recordings", `${name}.svg`), svg);
  console.log(`docs/recordings/${name}.svg: ${Math.round(svg.length / 1024)} KiB, ${Math.round(pieces.at(-1).time)} s`);
}

const settings = path.join(scratch, "Pulumi.sim.yaml");
copyFileSync(process.env.LAB_SIM_SETTINGS ?? path.join(root, "Pulumi.sim.yaml"), settings);
const lab = { LAB_SIM_SETTINGS: settings };
try {
  await make("up", "./lab up: the embedded lab comes up", recorded(["./lab up"], lab));

  const text = readFileSync(settings, "utf8");
  const changed = text.replace("  homelab:cluster:\n", '  homelab:cluster:\n    tlsSan: ["k3s.home.arpa"]\n');
  writeFileSync(settings, changed);
  await make("report", "./lab report: what a change to the settings would do", recorded(["./lab report"], lab));
  writeFileSync(settings, text);

  const home = path.join(scratch, "home");
  const taskrc = path.join(home, ".taskrc");
  const client = { HOME: home, TASKRC: taskrc, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? path.join(process.env.HOME, ".cache") };
  spawnSync("mkdir", ["-p", home]);
  writeFileSync(taskrc, `data.location=${home}/data\nconfirmation=off\nverbose=affected,new-id,sync\n`);
  const set = ["taskrc", "alice", "--data", path.join(home, "certificates"), "--taskrc", taskrc];
  const { status } = spawnSync("./lab", set, { cwd: root, env: { ...process.env, ...lab }, stdio: "inherit" });
  if (status !== 0) {
    throw new Error("lab taskrc failed");
  }
  const task = ["task sync init", "task add water the tomatoes", "task sync", "task list"];
  await make("task-sync", "task sync: a task goes to the lab's task server", recorded(task, client));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

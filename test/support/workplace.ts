import { type ChildProcess, execFile, spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import * as yaml from "js-yaml";
import { cacheRoot } from "../../rig/stand-ins/cache-root";
import { act } from "./act";
import { filesWith, KeptTexts } from "./kept-texts";

const checkout = path.resolve(__dirname, "../..");
const execute = promisify(execFile);

/** Which folder stands for an action. */
const standIns: Record<string, string> = {
  "actions/checkout": "checkout",
  "actions/setup-node": "setup",
  "actions/setup-go": "setup",
  "actions/cache": "cache",
  "actions/upload-artifact": "upload-artifact",
  "actions/download-artifact": "download-artifact",
};

export interface Run {
  code: number;
  log: string;
  /** How each job ended; those that did not run are missing. */
  jobs: Record<string, "success" | "failure">;
}

export interface Event {
  name: "pull_request" | "push" | "schedule" | "workflow_run" | "workflow_dispatch";
  payload: Record<string, unknown>;
}

/** Every action that the workflows name, with the ref that they pin. */
async function pinnedActions(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder);
  const texts = await Promise.all(names.map((name) => fs.readFile(path.join(folder, name), "utf8")));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/uses: (\S+@[0-9a-f]{40})/g)].map((match) => match[1])))];
}

/** What a test wants of a run of a workflow. */
export interface RunOptions {
  /** The commit that the forge runs it at. */
  at: string;
  /** The forge's API. */
  api: string;
  secrets?: Record<string, string>;
  variables?: Record<string, string>;
  /** Runs while the first artefact is there and its job has not ended: as somebody does while an approval is waited for. */
  meanwhile?: () => Promise<void>;
  /** Another computer with a runner, so that it can work at the same time. */
  runner?: string;
  /** Ends the runner's computer, as a power cut would, when this is done. */
  powerCut?: Promise<void>;
  /** A script of the runner's user on that computer, which runs the jobs as `"$@"`. Default: that alone. */
  around?: string;
  /** The computer has a network of its own, without a forge: for jobs that look after what other labs have left on it. */
  ownNetwork?: boolean;
  /** Temporary files lie below the runner's folder, where `leftWith` looks. */
  ownTemporary?: boolean;
}

/** Below a runner's `.cache`: act's folders of its jobs, and in them the environment, outputs, states, summaries, and temporary files. */
function ownFiles(relative: string): boolean {
  const [act, , folder = "act"] = relative.split(path.sep);
  return act === "act" && ["act", "tmp"].includes(folder);
}

/** What a runner's cache holds of its earlier jobs, where these had no embedded lab to bring up. */
const warm = "pulumi pulumi-engine kubernetes-provider bundles said";

/** A repository with a forge's runners beside it: what the tests of the workflows happen in. */
export class Workplace {
  private constructor(
    readonly folder: string,
    /** For git: what the runner's user owns, root may use. */
    private readonly environment: NodeJS.ProcessEnv,
    private readonly program: string,
    /** The main branch's first commit: this checkout as it is, what is not committed included. */
    readonly main: string,
    private readonly cached: string,
  ) {}

  /** @param cached folders of this computer's cache that the runners have as well; `.` for all of it */
  static async create(cached = warm): Promise<Workplace> {
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-workplace-"));
    await fs.chmod(folder, 0o755);
    const config = path.join(folder, "gitconfig");
    await fs.writeFile(
      config,
      "[safe]\n\tdirectory = *\n[user]\n\tname = ann\n\temail = ann@localhost\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n",
    );
    const environment = { ...process.env, GIT_CONFIG_GLOBAL: config };
    const git = (...args: string[]) =>
      execute("git", args, { cwd: checkout, env: { ...environment, GIT_INDEX_FILE: path.join(folder, "index") } });
    const origin = path.join(folder, "origin.git");
    await execute("git", ["init", "--quiet", "--bare", "--initial-branch=main", "--shared=0777", origin]);
    await execute("git", ["config", "receive.denyNonFastForwards", "false"], { cwd: origin });
    // With it git knows which files have changed since.
    await fs.copyFile(
      (await execute("git", ["rev-parse", "--path-format=absolute", "--git-path", "index"], { cwd: checkout })).stdout.trim(),
      path.join(folder, "index"),
    );
    await git("add", "--all");
    const tree = (await git("write-tree")).stdout.trim();
    const main = (await git("commit-tree", tree, "-m", "The lab")).stdout.trim();
    await git("push", "--quiet", origin, `${main}:refs/heads/main`);
    const author = path.join(folder, "author");
    await execute("git", ["clone", "--quiet", "--shared", origin, author], { env: environment });
    const program = path.join(folder, "act");
    await fs.copyFile(await act(), program);
    await compile(author, path.join(folder, "compiled"));
    return new Workplace(folder, environment, program, main, cached);
  }

  get origin(): string {
    return path.join(this.folder, "origin.git");
  }

  /** What a runner's jobs may write to. */
  work(runner = "runner"): string {
    return path.join(this.folder, runner, "work");
  }

  get artifacts(): string {
    return path.join(this.work(), "artifacts");
  }

  async git(...args: string[]): Promise<string> {
    return (await execute("git", args, { cwd: path.join(this.folder, "author"), env: this.environment })).stdout.trim();
  }

  /** The content of a gzipped file that the repository has. */
  async gunzipped(object: string): Promise<string> {
    const options = { cwd: path.join(this.folder, "author"), env: this.environment, encoding: "buffer", maxBuffer: 1 << 28 } as const;
    return gunzipSync((await execute("git", ["cat-file", "blob", object], options)).stdout).toString("utf8");
  }

  /** A commit upon another, pushed to a ref of the repository. */
  async commit(parent: string, ref: string, edit: (folder: string) => Promise<void>, message = `A change for ${ref}`): Promise<string> {
    await this.git("checkout", "--quiet", "--detach", parent);
    await edit(path.join(this.folder, "author"));
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", "-m", message);
    await this.git("push", "--quiet", "--force", "origin", `HEAD:${ref}`);
    return this.git("rev-parse", "HEAD");
  }

  /** Puts a recording of a stack where `lab review` looks for it. */
  async record(stack: string, file: string): Promise<void> {
    const blob = await this.git("hash-object", "-w", file);
    const tree = await promisifiedInput("git", ["mktree"], `100644 blob ${blob}\trecording\n`, path.join(this.folder, "author"));
    const commit = await this.git("commit-tree", tree, "-m", "A recording");
    await this.git("push", "--quiet", "--force", "origin", `${commit}:refs/lab/recordings/${stack}`);
  }

  /** Changes the settings of a stack file in a folder. */
  static async settings(folder: string, stack: string, edit: (config: any) => void): Promise<void> {
    const file = path.join(folder, `Pulumi.${stack}.yaml`);
    const parsed = yaml.load(await fs.readFile(file, "utf8")) as { config: Record<string, unknown> };
    edit(parsed.config);
    await fs.writeFile(file, yaml.dump(parsed, { lineWidth: -1 }));
  }

  /** Runs every job of a workflow file as it is at a commit, for an event. */
  async run(file: string, { name, payload }: Event, options: RunOptions): Promise<Run> {
    const { at, api, secrets = {}, variables = {}, meanwhile, runner = "runner", powerCut, around = '"$@"' } = options;
    const { ownNetwork = false, ownTemporary = false } = options;
    const work = this.work(runner);
    await fs.mkdir(path.join(work, "tmp"), { recursive: true });
    const clone = await this.clone(runner, at, ".github");
    const event = path.join(work, "event.json");
    await fs.writeFile(event, JSON.stringify({ repository: { full_name: "ann/lab" }, ...payload }));
    const pinned = await pinnedActions(path.join(clone, ".github", "workflows"));
    const itsCheckout = path.join(this.folder, runner, "checkout");
    const environment = {
      LAB_TEST_ORIGIN: this.origin,
      LAB_TEST_FOLDER: work,
      ...(ownTemporary && { TMPDIR: path.join(work, "tmp") }),
      LAB_TEST_PACKAGES: path.join(itsCheckout, "node_modules"),
      LAB_TEST_COMPILED: path.join(this.folder, "compiled"),
    };
    const args = [
      name,
      ...["-W", path.join(".github", "workflows", file), "-e", event],
      ...["ubuntu-24.04", "self-hosted", "homelab"].flatMap((label) => ["-P", `${label}=-self-hosted`]),
      ...["--no-skip-checkout", "--no-cache-server", "--action-offline-mode"],
      ...pinned.flatMap((action) => [
        "--local-repository",
        `${action}=${path.join(itsCheckout, "test", "support", "actions", standIns[action.split("@")[0]])}`,
      ]),
      ...Object.entries({ ...environment, CI: "true", GITHUB_API_URL: api, GITHUB_REPOSITORY: "ann/lab" }).flatMap(([key, value]) => [
        "--env",
        `${key}=${value}`,
      ]),
      ...Object.entries(variables).flatMap(([key, value]) => ["--var", `${key}=${value}`]),
      // In act's own environment, not in its arguments.
      ...Object.keys(secrets).flatMap((key) => ["--secret", key]),
    ];
    if (meanwhile) {
      await fs.writeFile(path.join(work, "hold"), "");
    }
    const command = ["bash", "-ec", around, "bash", this.program, ...args];
    // Its first job's computer gives it to the runner.
    const home = path.join(this.folder, runner, "home", ".cache");
    await fs.mkdir(home, { recursive: true });
    const child = this.asRunner(runner, command, { cwd: clone, env: { ...environment, ...secrets }, ownNetwork });
    void powerCut?.then(() => endAll(child));
    const kept = new KeptTexts(home, ownFiles);
    const [{ code, log }] = await kept.during(Promise.all([ended(child), meanwhile && held(work, child, meanwhile)]));
    for (const [name, texts] of kept.texts) {
      this.runnersFiles.push(...[...texts].map((text) => ({ name, text })));
    }
    const jobs: Run["jobs"] = {};
    for (const [, job, how] of log.matchAll(/^\[[^/\]]+\/([\w-]+?)(?:-\d+)?\s*\] 🏁 {2}Job (succeeded|failed)/gm)) {
      jobs[job] = how === "failed" || jobs[job] === "failure" ? "failure" : "success";
    }
    return { code, log, jobs };
  }

  /** What jobs hand to one another and to the forge: environment, outputs, states, summaries, and their temporary folders. */
  readonly runnersFiles: { name: string; text: string }[] = [];

  /** Files that runs have left and that hold one of these texts: in homes, caches, workspaces and temporary folders. */
  async leftWith(texts: readonly string[]): Promise<string[]> {
    const runners = (await fs.readdir(this.folder)).filter((each) => !["origin.git", "author", "act"].includes(each));
    return filesWith(
      texts,
      runners.map((each) => path.join(this.folder, each)),
    );
  }

  /** A runner's clone of the repository at a commit: all of its files, or those below a folder. */
  private async clone(runner: string, at: string, files = "."): Promise<string> {
    const clone = path.join(this.work(runner), "clone");
    await fs.rm(clone, { recursive: true, force: true });
    await execute("git", ["clone", "--quiet", "--shared", "--no-checkout", this.origin, clone], { env: this.environment });
    await execute("git", ["update-ref", "HEAD", at], { cwd: clone, env: this.environment });
    await execute("git", ["checkout", "--quiet", at, "--", files], { cwd: clone, env: this.environment });
    return clone;
  }

  /** Runs a line of shell as the runner's user in a clone of its own, for what somebody does by hand before the workflows run. */
  async shell(at: string, line: string, env: Record<string, string> = {}): Promise<{ code: number; log: string; clone: string }> {
    const clone = await this.clone("runner", at);
    await fs.utimes(path.join(clone, "package-lock.json"), 0, 0);
    await fs.symlink(path.join(this.folder, "runner", "checkout", "node_modules"), path.join(clone, "node_modules"));
    await fs.cp(path.join(this.folder, "compiled"), path.join(clone, ".lab", "compiled"), { recursive: true });
    return { ...(await ended(this.asRunner("runner", ["bash", "-ec", line], { cwd: clone, env }))), clone };
  }

  /** A computer of its own, as far as processes and mounts go: when the command has ended, nothing of it runs. */
  private asRunner(
    runner: string,
    command: readonly string[],
    { cwd, env, ownNetwork = false }: { cwd: string; env: Record<string, string>; ownNetwork?: boolean },
  ): ChildProcess {
    const isolated = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", ...(ownNetwork ? ["--net"] : [])];
    const wrapper = [path.join(__dirname, "act-as-runner.sh"), path.join(this.folder, runner)];
    return spawn("unshare", [...isolated, ...wrapper, ...command], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        LANG: "C.UTF-8",
        GIT_CONFIG_GLOBAL: this.environment.GIT_CONFIG_GLOBAL,
        LAB_TEST_CACHE: cacheRoot(),
        LAB_TEST_CACHED: this.cached,
        ...env,
      },
    });
  }

  /** What of the paths that the last jobs keep in their cache the runner's user cannot read. */
  async unreadable(): Promise<string[]> {
    const home = path.join(this.folder, "runner", "home", ".cache");
    const { code, log } = await ended(
      this.asRunner("runner", ["find", home, "-name", "root-file-system", "-prune", "-o", "!", "-type", "l", "!", "-readable", "-print"], {
        cwd: this.folder,
        env: {},
      }),
    );
    return code === 0 ? log.split("\n").filter(Boolean) : [log];
  }

  /** Files by that name, wherever a job may have left one. */
  async named(name: string): Promise<string[]> {
    return (await execute("find", [this.folder, "-name", name])).stdout.split("\n").filter(Boolean);
  }

  async close(): Promise<void> {
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}

/** What load-typescript.cjs makes of the files of a clone. A job takes it for files that are still the same: it checks their digests. */
async function compile(clone: string, target: string): Promise<void> {
  const folders = ["cli", "components", "rig", "settings"];
  const script = `for (const file of process.argv.slice(1)) require.extensions[".ts"]({ _compile() {} }, require("node:path").resolve(file))`;
  const { stdout } = await execute("git", ["ls-files", "index.ts", ...folders.map((folder) => `${folder}/**.ts`)], { cwd: clone });
  // Most of it has been made for this checkout.
  await fs.cp(path.join(checkout, ".lab", "compiled"), path.join(clone, ".lab", "compiled"), { recursive: true }).catch(() => undefined);
  await fs.symlink(path.join(checkout, "node_modules"), path.join(clone, "node_modules"));
  await execute(process.execPath, ["--require", "./load-typescript.cjs", "--eval", script, ...stdout.trim().split("\n")], { cwd: clone });
  await fs.rm(path.join(clone, "node_modules"));
  await fs.rename(path.join(clone, ".lab", "compiled"), target);
}

/** Ends the first process of a computer of its own, and so all of them at once. */
async function endAll(child: ChildProcess): Promise<void> {
  const first = await fs.readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").catch(() => "");
  for (const pid of first.split(" ").filter(Boolean)) {
    process.kill(Number(pid), "SIGKILL");
  }
}

/** Waits until a run holds at its first artefact, does something, and lets it go on. */
async function held(work: string, child: ChildProcess, meanwhile: () => Promise<void>): Promise<void> {
  const there = (name: string) =>
    fs.access(path.join(work, name)).then(
      () => true,
      () => false,
    );
  while (child.exitCode === null && child.signalCode === null && !(await there("held"))) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  try {
    if (await there("held")) {
      await meanwhile();
    }
  } finally {
    await Promise.all(["hold", "held"].map((name) => fs.rm(path.join(work, name), { force: true })));
  }
}

async function promisifiedInput(command: string, args: string[], input: string, cwd: string): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(input);
  return (await ended(child)).log.trim();
}

function ended(child: ChildProcess): Promise<{ code: number; log: string }> {
  return new Promise((resolve, reject) => {
    let log = "";
    const keep = (chunk: Buffer) => {
      log += chunk;
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, log }));
  });
}

import { execFile, spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import * as yaml from "js-yaml";
import { act } from "./act";

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

/** A repository with a forge's runner beside it: what the tests of the workflows happen in. */
export class Workplace {
  private constructor(
    readonly folder: string,
    /** For git: what the runner's user owns, root may use. */
    private readonly environment: NodeJS.ProcessEnv,
    private readonly program: string,
    /** The main branch's first commit: this checkout as it is, what is not committed included. */
    readonly main: string,
  ) {}

  static async create(): Promise<Workplace> {
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-workplace-"));
    await fs.chmod(folder, 0o755);
    const config = path.join(folder, "gitconfig");
    await fs.writeFile(config, "[safe]\n\tdirectory = *\n[user]\n\tname = ann\n\temail = ann@localhost\n");
    const environment = { ...process.env, GIT_CONFIG_GLOBAL: config };
    const git = (...args: string[]) =>
      execute("git", args, { cwd: checkout, env: { ...environment, GIT_INDEX_FILE: path.join(folder, "index") } });
    await fs.mkdir(path.join(folder, "work"));
    const origin = path.join(folder, "work", "origin.git");
    await execute("git", ["init", "--quiet", "--bare", "--initial-branch=main", origin]);
    await git("read-tree", "HEAD");
    await git("add", "--all");
    const tree = (await git("write-tree")).stdout.trim();
    const main = (await git("commit-tree", tree, "-m", "The lab")).stdout.trim();
    await git("push", "--quiet", origin, `${main}:refs/heads/main`);
    const author = path.join(folder, "author");
    await execute("git", ["clone", "--quiet", origin, author], { env: environment });
    const program = path.join(folder, "act");
    await fs.copyFile(await act(), program);
    // What a warm cache holds of a runner's earlier jobs.
    for (const name of ["pulumi", "pulumi-engine", "bundles"]) {
      const from = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "cloud-native-home-lab", name);
      const to = path.join(folder, "home", ".cache", "cloud-native-home-lab", name);
      await fs.mkdir(path.dirname(to), { recursive: true });
      await fs.cp(from, to, { recursive: true, filter: (file) => !file.includes(".partial-") }).catch(() => undefined);
    }
    return new Workplace(folder, environment, program, main);
  }

  get origin(): string {
    return path.join(this.folder, "work", "origin.git");
  }

  get artifacts(): string {
    return path.join(this.folder, "work", "artifacts");
  }

  async git(...args: string[]): Promise<string> {
    return (await execute("git", args, { cwd: path.join(this.folder, "author"), env: this.environment })).stdout.trim();
  }

  /** A commit upon another, pushed to a ref of the repository. */
  async commit(parent: string, ref: string, edit: (folder: string) => Promise<void>): Promise<string> {
    await this.git("checkout", "--quiet", "--detach", parent);
    await edit(path.join(this.folder, "author"));
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", "-m", `A change for ${ref}`);
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
  async run(
    file: string,
    { name, payload }: Event,
    {
      at,
      api,
      secrets = {},
      variables = {},
    }: { at: string; api: string; secrets?: Record<string, string>; variables?: Record<string, string> },
  ): Promise<Run> {
    const work = path.join(this.folder, "work");
    const clone = path.join(work, "clone");
    await fs.rm(clone, { recursive: true, force: true });
    await execute("git", ["clone", "--quiet", this.origin, clone], { env: this.environment });
    await execute("git", ["checkout", "--quiet", "-B", "main", at], { cwd: clone, env: this.environment });
    const event = path.join(work, "event.json");
    await fs.writeFile(event, JSON.stringify({ repository: { full_name: "ann/lab" }, ...payload }));
    const pinned = await pinnedActions(path.join(clone, ".github", "workflows"));
    const environment = {
      LAB_TEST_ORIGIN: this.origin,
      LAB_TEST_FOLDER: work,
      LAB_TEST_PACKAGES: path.join(this.folder, "checkout", "node_modules"),
    };
    const args = [
      name,
      ...["-W", path.join(".github", "workflows", file), "-e", event],
      ...["ubuntu-24.04", "self-hosted", "homelab"].flatMap((label) => ["-P", `${label}=-self-hosted`]),
      ...["--no-skip-checkout", "--no-cache-server", "--action-offline-mode"],
      ...pinned.flatMap((action) => [
        "--local-repository",
        `${action}=${path.join(this.folder, "checkout", "test", "support", "actions", standIns[action.split("@")[0]])}`,
      ]),
      ...Object.entries({ ...environment, CI: "true", GITHUB_API_URL: api, GITHUB_REPOSITORY: "ann/lab" }).flatMap(([key, value]) => [
        "--env",
        `${key}=${value}`,
      ]),
      ...Object.entries(variables).flatMap(([key, value]) => ["--var", `${key}=${value}`]),
      // In act's own environment, not in its arguments.
      ...Object.keys(secrets).flatMap((key) => ["--secret", key]),
    ];
    const command = [path.join(__dirname, "act-as-runner.sh"), this.folder, this.program, ...args];
    const { code, log } = await ended(
      spawn("unshare", ["--mount", ...command], {
        cwd: clone,
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env.PATH, LANG: "C.UTF-8", GIT_CONFIG_GLOBAL: this.environment.GIT_CONFIG_GLOBAL, ...secrets },
      }),
    );
    const jobs: Run["jobs"] = {};
    for (const [, job, how] of log.matchAll(/^\[[^/\]]+\/([\w-]+?)(?:-\d+)?\s*\] 🏁 {2}Job (succeeded|failed)/gm)) {
      jobs[job] = how === "failed" || jobs[job] === "failure" ? "failure" : "success";
    }
    return { code, log, jobs };
  }

  /** What of the paths that the last jobs keep in their cache the runner's user cannot read. */
  async unreadable(): Promise<string[]> {
    const asRunner = [
      path.join(__dirname, "act-as-runner.sh"),
      this.folder,
      "find",
      path.join(this.folder, "home", ".cache"),
      "!",
      "-readable",
    ];
    const { code, log } = await ended(spawn("unshare", ["--mount", ...asRunner], { stdio: ["ignore", "pipe", "pipe"] }));
    return code === 0 ? log.split("\n").filter(Boolean) : [log];
  }

  async close(): Promise<void> {
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}

async function promisifiedInput(command: string, args: string[], input: string, cwd: string): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(input);
  return (await ended(child)).log.trim();
}

function ended(child: ReturnType<typeof spawn>): Promise<{ code: number; log: string }> {
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

import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";
import versions from "../../versions.json";

const run = promisify(execFile);

/** The first Debian release with Taskwarrior 3. */
const SUITE = "forky";

/** The mirror that this computer has Debian from. */
async function mirror(): Promise<string> {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(SUITE) $(CODENAME)", "Created-By: Packages"]);
  const line = stdout.split("\n").find((text) => text.split(" ").includes(versions.debian.release) && /\/debian\/? /.test(text));
  if (!line) {
    throw new Error(`apt knows no mirror of Debian ${versions.debian.release}`);
  }
  return line.split(" ")[0];
}

/**
 * Taskwarrior 3 with all it loads, from a Debian release newer than this computer's: unpacked into the cache, not
 * installed. Needs the network once.
 */
export async function ensureTaskwarrior3(): Promise<string> {
  return cached("test-packages", ["taskwarrior", SUITE, process.arch], async (directory) => {
    const scratch = await fs.mkdtemp(path.join(tmpdir(), "homelab-apt-"));
    try {
      await Promise.all(["lists/partial", "archives/partial"].map((name) => fs.mkdir(path.join(scratch, name), { recursive: true })));
      await fs.writeFile(path.join(scratch, "sources.list"), `deb ${await mirror()} ${SUITE} main\n`);
      await fs.writeFile(path.join(scratch, "status"), "");
      const options = {
        "Dir::Etc::sourcelist": path.join(scratch, "sources.list"),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": path.join(scratch, "lists"),
        "Dir::State::status": path.join(scratch, "status"),
        "Dir::Cache::archives": path.join(scratch, "archives"),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
      };
      const apt = (...args: string[]) =>
        run("apt-get", ["-qq", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]), ...args]);
      await apt("update");
      await apt("-y", "--no-install-recommends", "--download-only", "install", "taskwarrior");
      for (const archive of await fs.readdir(path.join(scratch, "archives"))) {
        if (archive.endsWith(".deb")) {
          await run("dpkg-deb", ["--extract", path.join(scratch, "archives", archive), directory]);
        }
      }
    } finally {
      await fs.rm(scratch, { recursive: true, force: true });
    }
  });
}

/** One device with Taskwarrior 3: a home with a taskrc and data of its own. */
export class Taskwarrior3 {
  private constructor(
    readonly home: string,
    private readonly tree: string,
    private readonly wrapper: readonly string[],
  ) {}

  /** @param wrapper command line that starts the program, for example one that gives it other names of hosts */
  static async create(home: string, wrapper: readonly string[] = []): Promise<Taskwarrior3> {
    const client = new Taskwarrior3(home, await ensureTaskwarrior3(), wrapper);
    await fs.mkdir(client.home, { recursive: true });
    const settings = [
      `data.location=${path.join(home, "data")}`,
      "confirmation=off",
      "verbose=nothing",
      "hooks=off",
      "news.version=99.0.0",
    ];
    await fs.writeFile(client.taskrc, `${settings.join("\n")}\n`, { mode: 0o600 });
    return client;
  }

  get taskrc(): string {
    return path.join(this.home, ".taskrc");
  }

  /** Runs `task`; its exit code and all that it said. `authority` is a file with the certificates to trust. */
  async task(args: readonly string[], authority?: string): Promise<{ code: number; output: string }> {
    const libraries = path.join(this.tree, "usr/lib/x86_64-linux-gnu");
    const loader = path.join(libraries, "ld-linux-x86-64.so.2");
    const command = [...this.wrapper, loader, "--library-path", libraries, path.join(this.tree, "usr/bin/task"), ...args];
    const env = { PATH: process.env.PATH, HOME: this.home, TASKRC: this.taskrc, ...(authority ? { SSL_CERT_FILE: authority } : {}) };
    // It looks for its themes in the working directory first.
    const cwd = path.join(this.tree, "usr/share/taskwarrior");
    return run(command[0], command.slice(1), { env, cwd, timeout: 60_000, maxBuffer: 2 ** 26 }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      (error: { code?: number; stdout?: string; stderr?: string }) => ({
        code: typeof error.code === "number" ? error.code : 1,
        output: `${error.stdout}${error.stderr}`,
      }),
    );
  }

  /** Descriptions of all pending tasks, sorted. */
  async descriptions(): Promise<string[]> {
    const { output } = await this.task(["status:pending", "export"]);
    return (JSON.parse(output.slice(output.indexOf("["), output.lastIndexOf("]") + 1)) as { description: string }[])
      .map(({ description }) => description)
      .sort();
  }
}

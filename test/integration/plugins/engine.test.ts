// The stand-ins under the real engine: a tiny program is brought up, changed, broken, stopped and taken down.
import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { installPlugins } from "../../../rig/stand-ins/plugins/install";

const checkout = path.resolve(__dirname, "../../..");
const MINUTE = 60_000;

interface Result {
  code: number;
  output: string;
}

let directory: string;
let environment: NodeJS.ProcessEnv;

function start(args: string[]): { child: ChildProcess; result: Promise<Result> } {
  const child = spawn("pulumi", [...args, "--non-interactive", "--color=never"], {
    cwd: path.join(directory, "program"),
    env: environment,
  });
  let output = "";
  child.stdout?.on("data", (data: Buffer) => {
    output += data;
  });
  child.stderr?.on("data", (data: Buffer) => {
    output += data;
  });
  return { child, result: new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? -1, output }))) };
}

const pulumi = (...args: string[]) => start(args).result;

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await pulumi(...args);
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  return output;
}

const outputs = async () => JSON.parse(await succeed("stack", "output", "--json", "--show-secrets")) as Record<string, string>;

/** Processes whose command line holds this text. */
function processesWith(text: string): string[] {
  return fs.readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 100) {
    if (waited > MINUTE) {
      throw new Error(`waited a minute for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

beforeAll(async () => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "engine-")));
  fs.cpSync(path.join(checkout, "test/fixtures/plugins/program"), path.join(directory, "program"), { recursive: true });
  for (const name of ["node_modules", "load-typescript.cjs"]) {
    fs.symlinkSync(path.join(checkout, name), path.join(directory, "program", name));
  }
  fs.mkdirSync(path.join(directory, "state"));
  const engine = await ensureEngine({ vendorReachable: false });
  await installPlugins(path.join(directory, "home"), {
    vendorReachable: false,
    engine: "/none/pulumi",
    names: ["command", "random", "tls"],
  });
  environment = {
    ...process.env,
    PATH: `${engine.directory}:${process.env.PATH}`,
    PULUMI_HOME: path.join(directory, "home"),
    PULUMI_BACKEND_URL: `file://${path.join(directory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "only for this test",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  await succeed("stack", "init", "test");
}, 15 * MINUTE);

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

test(
  "previews with everything unknown, and makes nothing",
  async () => {
    const output = await succeed("preview");
    expect(output).toContain("+ 9 to create");
    expect(output).not.toContain("warning");
    expect(await outputs()).toEqual({});
  },
  MINUTE * 3,
);

test(
  "makes everything, with secrets in no output and in no plain state",
  async () => {
    const output = await succeed("up", "--yes", "--skip-preview");
    const { secret, greeted, certificatePem, authorityPem, publicKey } = await outputs();
    expect(output).toContain("9 created");
    expect(secret).toHaveLength(24);
    expect(greeted).toMatch(/^24\nhello [a-z]+-[a-z]+$/);
    expect(publicKey).toMatch(/^ssh-ed25519 /);
    expect(new X509Certificate(certificatePem).verify(new X509Certificate(authorityPem).publicKey)).toBe(true);
    const state = await succeed("stack", "export");
    expect(output + state).not.toContain(secret);
    expect(output + state).not.toContain("PRIVATE KEY");
    expect(state).toContain("ciphertext");
  },
  MINUTE * 3,
);

test(
  "changes nothing the second time, nor on refresh",
  async () => {
    await succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
    await succeed("refresh", "--yes", "--skip-preview", "--expect-no-changes");
  },
  MINUTE * 3,
);

test(
  "updates the command when what it depends on is replaced",
  async () => {
    await succeed("config", "set", "generation", "2");
    const preview = await succeed("preview", "--diff");
    const before = await outputs();
    expect(preview).toContain("random:index/randomPet:RandomPet: (replace)");
    expect(preview).toContain("command:local:Command: (update)");
    expect(preview).not.toContain(before.secret);
    await succeed("up", "--yes", "--skip-preview");
    const after = await outputs();
    expect(after.greeted).toMatch(/^24\nhello again [a-z]+-[a-z]+$/);
    expect(after.secret).toBe(before.secret);
  },
  MINUTE * 4,
);

test(
  "tells what a failed command said, keeps what was made, and goes on when it is mended",
  async () => {
    await succeed("config", "set", "fault", "command");
    const failed = await pulumi("up", "--yes", "--skip-preview");
    expect(failed.code).not.toBe(0);
    expect(failed.output).toContain('exit status 3: running "echo so far; echo so bad >&2; exit 3"');
    expect(failed.output).toContain("so bad");
    await succeed("config", "rm", "fault");
    await succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
  },
  MINUTE * 4,
);

test(
  "ends with the program's own words, and no stack trace, when it refuses its settings",
  async () => {
    await succeed("config", "set", "fault", "throw");
    const { code, output } = await pulumi("preview");
    await succeed("config", "rm", "fault");
    expect(code).not.toBe(0);
    expect(output).toContain("the settings are wrong: fault");
    expect(output).not.toMatch(/^\s+at /m);
  },
  MINUTE * 3,
);

test(
  "stops a running command on Ctrl-C",
  async () => {
    const marker = `4242.${process.pid}`;
    await succeed("config", "set", "slow", `sleep ${marker}`);
    const { child, result } = start(["up", "--yes", "--skip-preview"]);
    await until("the command to start", () => processesWith(`sleep\0${marker}`).length > 0);
    child.kill("SIGINT");
    expect((await result).code).not.toBe(0);
    expect(processesWith(marker)).toEqual([]);
  },
  MINUTE * 3,
);

test(
  "leaves no command running when the engine is killed, and works after its lock is gone",
  async () => {
    const marker = `4343.${process.pid}`;
    await succeed("config", "set", "slow", `sleep ${marker} & sleep ${marker}; wait`);
    const { child, result } = start(["up", "--yes", "--skip-preview"]);
    await until("the command to start", () => processesWith(`sleep\0${marker}`).length > 1);
    child.kill("SIGKILL");
    await result;
    await until("everything to end", () => processesWith(marker).length === 0);
    await until("the plugins to end", () => processesWith(path.join(directory, "home/plugins")).length === 0);
    await succeed("cancel", "--yes");
    await succeed("config", "rm", "slow");
    await succeed("up", "--yes", "--skip-preview");
  },
  MINUTE * 4,
);

test(
  "tells about itself",
  async () => {
    const about = JSON.parse(await succeed("about", "--json"));
    expect(about.runtime).toMatchObject({ language: "nodejs", executable: process.execPath });
    expect(about.plugins.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(["command", "random", "tls"]));
  },
  MINUTE * 2,
);

test(
  "takes everything down",
  async () => {
    await succeed("destroy", "--yes", "--skip-preview");
    const state = JSON.parse(await succeed("stack", "export"));
    expect(state.deployment.resources ?? []).toEqual([]);
  },
  MINUTE * 3,
);

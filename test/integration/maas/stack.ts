import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { dump, load } from "js-yaml";
import type { Preview } from "../../../cli/report/preview";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { installPlugins } from "../../../rig/stand-ins/plugins/install";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import { engineEnvironment } from "../../support/real-engine";
import { type Started, start } from "../../support/started";
import { root } from "./lab";

/** `create-replacement`, `update`, … by resource name; what stays the same is left out. */
export type Plan = Record<string, string>;

/** A stack of `program.ts` on the real engine, with a file backend in a folder of its own. */
export class Stack {
  private constructor(
    readonly directory: string,
    private readonly environment: Record<string, string>,
  ) {}

  /** @param more variables of the engine and of what it starts */
  static async create(more: Record<string, string> = {}): Promise<Stack> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-maas-"));
    const reachable = await vendorReachable();
    const engine = await ensureEngine({ vendorReachable: reachable });
    await installPlugins(path.join(directory, "home"), {
      vendorReachable: reachable,
      engine: path.join(engine.directory, "pulumi"),
      names: ["command", "random", "tls"],
    });
    // As the project's own folder looks to the engine, the program and the steps.
    for (const name of ["node_modules", "maas", "test", "load-typescript.cjs", "package.json"]) {
      fs.symlinkSync(path.join(root, name), path.join(directory, name));
    }
    fs.writeFileSync(
      path.join(directory, "index.ts"),
      `export * from ${JSON.stringify(path.join(root, "test/integration/maas/program"))};\n`,
    );
    fs.writeFileSync(
      path.join(directory, "Pulumi.yaml"),
      dump({
        name: "homelab",
        runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--require ./load-typescript.cjs" } },
        main: "index.ts",
      }),
    );
    fs.mkdirSync(path.join(directory, "backend"));
    const stack = new Stack(directory, { ...engineEnvironment(engine.directory, directory), ...more });
    await stack.pulumi("stack", "init", "test");
    return stack;
  }

  /** Settings without their namespace, as the stack file of the next run. */
  configure(settings: Record<string, unknown>): void {
    const file = path.join(this.directory, "Pulumi.test.yaml");
    const before = load(fs.readFileSync(file, "utf8")) as { encryptionsalt: string; config?: Record<string, unknown> };
    const secrets = Object.entries(before.config ?? {}).filter(
      ([, value]) => typeof value === "object" && value !== null && "secure" in value,
    );
    const given = Object.entries(settings).map(([key, value]) => [`homelab:${key}`, value]);
    const config = Object.fromEntries([...given, ...secrets]);
    fs.writeFileSync(file, dump({ encryptionsalt: before.encryptionsalt, config }));
  }

  /** One that stays when other settings come. */
  async setSecret(key: string, value: string): Promise<void> {
    await this.pulumi("config", "set", "--secret", `homelab:${key}`, value);
  }

  async up(): Promise<string> {
    return this.pulumi("up", "--yes", "--skip-preview", "--suppress-permalink");
  }

  /** What an `up` would do. */
  async plan(): Promise<Plan> {
    const { steps } = await this.preview();
    // Components only mirror what they are given.
    const done = steps.filter(({ op, urn }) => op !== "same" && !/pulumi:pulumi:Stack|\$?homelab:maas:\w+::/.test(urn));
    return Object.fromEntries(done.map(({ op, urn }) => [urn.split("::").at(-1) as string, op]));
  }

  async preview(): Promise<Preview> {
    return JSON.parse(await this.pulumi("preview", "--json")) as Preview;
  }

  /** The state as it lies on the disk, secrets encrypted; or in clear. */
  export(...options: string[]): Promise<string> {
    return this.pulumi("stack", "export", ...options);
  }

  /** The program's outputs in an exported state. */
  outputs(state: string): Record<string, unknown> {
    const { resources } = (JSON.parse(state) as { deployment: { resources: { type: string; outputs: Record<string, unknown> }[] } })
      .deployment;
    return resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  }

  async destroy(): Promise<void> {
    await this.pulumi("state", "unprotect", "--all", "--yes");
    await this.pulumi("destroy", "--yes", "--skip-preview");
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  async pulumi(...args: string[]): Promise<string> {
    const { code, stdout, output } = await this.start(...args).done;
    if (code !== 0) {
      throw new Error(`pulumi ${args.join(" ")} ended with ${code}\n${output}`);
    }
    return stdout;
  }

  /** The same, for a run that may fail or be killed. */
  start(...args: string[]): Started {
    const stack = args[1] === "init" ? [] : ["--stack", "test"];
    const env = { ...process.env, ...this.environment };
    return start("pulumi", [...args, "--non-interactive", ...stack], { cwd: this.directory, env });
  }
}

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Preview } from "../../cli/report/preview";
import { ensureEngine } from "../../rig/stand-ins/engine";
import { installPlugins } from "../../rig/stand-ins/plugins/install";
import { vendorReachable } from "../../rig/stand-ins/vendor";

/** Of an engine whose home and states are in a folder of a test. */
export const engineEnvironment = (engine: string, directory: string): Record<string, string> => ({
  PATH: `${engine}:${process.env.PATH}`,
  PULUMI_HOME: path.join(directory, "home"),
  PULUMI_BACKEND_URL: `file://${path.join(directory, "backend")}`,
  PULUMI_CONFIG_PASSPHRASE: "test",
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  PULUMI_SKIP_UPDATE_CHECK: "true",
});

/** The real engine with its plugins and a backend of its own below a folder, for programs that tests write there. */
export class RealEngine {
  private constructor(private readonly environment: Record<string, string>) {}

  static async in(directory: string): Promise<RealEngine> {
    const reachable = await vendorReachable();
    const engine = await ensureEngine({ vendorReachable: reachable });
    await installPlugins(path.join(directory, "home"), { vendorReachable: reachable, engine: path.join(engine.directory, "pulumi") });
    fs.mkdirSync(path.join(directory, "backend"));
    return new RealEngine(engineEnvironment(engine.directory, directory));
  }

  /** What `pulumi` prints in the folder of a program. */
  run(folder: string, ...args: string[]): string {
    return this.pulumi(folder, ...args, "--stack", "test", "--non-interactive");
  }

  /** The same with nothing added, as somebody types it. */
  pulumi(folder: string, ...args: string[]): string {
    return output(folder, "pulumi", args, this.environment);
  }

  /** What a first preview of a program would make, with these secrets and values in its configuration; and all it printed. */
  firstPreview(
    folder: string,
    secrets: Record<string, string>,
    values: Record<string, string> = {},
  ): { names: string[]; text: string; steps: Preview["steps"] } {
    this.pulumi(folder, "stack", "init", "test", "--non-interactive");
    for (const [key, value] of Object.entries(secrets)) {
      this.run(folder, "config", "set", "--secret", key, value);
    }
    for (const [key, value] of Object.entries(values)) {
      this.run(folder, "config", "set", "--plaintext", key, value);
    }
    const text = this.run(folder, "preview", "--json");
    const { steps } = JSON.parse(text) as Preview;
    expect(steps.filter(({ op }) => op !== "create")).toEqual([]);
    return { names: steps.map(({ urn }) => urn.split("::").at(-1) as string), text, steps };
  }
}

/** What a program prints; throws the end of all that it printed where it fails. */
export function output(cwd: string, program: string, args: string[], environment: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")}: ${stderr}${stdout}`.slice(-4000));
  }
  return stdout;
}

/**
 * Records what the engine's preview says of each change, on a lab that is up as committed:
 *
 *     ./lab up && node --require ./load-typescript.cjs test/support/previews/record.ts [NAME…]
 *
 * Nothing is applied. The fixtures are then in test/fixtures/previews/, and the report's snapshots want a look.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { run } from "../../../cli/engine/process";
import { simStack, stackFile } from "../../../cli/engine/stack";
import { knownPulumi } from "../../../cli/engine/toolchain";
import { checkout, paths } from "../../../cli/paths";
import type { Preview } from "../../../cli/report/preview";
import { changed, changes, type NamedChange } from "./changes";
import { writeFixture } from "./fixture";

async function record(change: NamedChange): Promise<void> {
  const { engine, environment } = await knownPulumi();
  const stack = yaml.load(fs.readFileSync(stackFile(simStack), "utf8")) as { config: Record<string, unknown> };
  const file = path.join(paths.stacks, `Pulumi.${change.name}.yaml`);
  fs.writeFileSync(file, yaml.dump({ ...stack, config: changed(stack.config, change) }), { mode: 0o600 });
  try {
    const args = ["preview", "--json", "--show-sames", "--stack", simStack, "--config-file", file];
    const result = await run(engine, args, { cwd: checkout, env: { ...process.env, ...environment }, allowFailure: true });
    const preview = JSON.parse(result.stdout) as Preview & { diagnostics?: { severity: string; message: string }[] };
    const errors = (preview.diagnostics ?? []).filter(({ severity }) => severity === "error").map(({ message }) => message);
    if (result.code !== 0) {
      throw new Error(`${change.name}: ${errors.join("\n") || result.stderr}`);
    }
    writeFixture(change.name, preview);
    const counted = preview.steps.filter(({ op }) => op !== "same").length;
    process.stdout.write(`${change.name}: ${counted} steps\n`);
  } finally {
    fs.rmSync(file, { force: true });
  }
}

async function main(names: readonly string[]): Promise<void> {
  for (const change of changes.filter(({ name }) => names.length === 0 || names.includes(name))) {
    await record(change);
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});

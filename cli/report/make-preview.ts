import * as path from "node:path";
import type { OpenLab } from "../engine/open-lab";
import { run } from "../engine/process";
import { withTemporaryFolder } from "../engine/temporary";
import { checkout } from "../paths";
import { withStackFile } from "../verbs/pulumi";
import type { Preview } from "./preview";

/** The errors among the diagnostics of a failed preview, which has them in the JSON that it prints nevertheless. */
function diagnosed(output: string): string[] {
  try {
    const { diagnostics = [] } = JSON.parse(output) as { diagnostics?: { severity?: string; message?: string }[] };
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => (message ?? "").trim());
    return [...new Set(errors)];
  } catch {
    return [];
  }
}

/** What the engine says where a protected resource would have to go; the rest of such a preview is as complete as any. */
const refusal = /marked for protection|cannot be deleted|preview failed/;

/**
 * The engine's own preview. One that fails only because machines and volumes are protected counts.
 *
 * @param plan where the engine writes its plan, for `up --plan`
 * @param options what `up` will be told, such as `--replace` and a URN
 */
export async function makePreview(lab: OpenLab, plan?: string, options: readonly string[] = []): Promise<Preview> {
  const save = plan === undefined ? [] : ["--save-plan", path.resolve(plan)];
  const args = await withStackFile(["preview", "--json", "--show-sames", "--stack", lab.stack, ...save, ...options]);
  const result = await withTemporaryFolder({ ...process.env, ...lab.environment }, (env) =>
    run(lab.engine, args, { cwd: checkout, env, allowFailure: true }),
  );
  const errors = diagnosed(result.stdout);
  if (result.code !== 0 && !(errors.length > 0 && errors.every((error) => refusal.test(error)))) {
    throw new Error(
      `The preview failed:\n${errors.join("\n") || result.stderr.trim() || `the engine ended with exit code ${result.code}`}`,
    );
  }
  return JSON.parse(result.stdout) as Preview;
}

import { checkout } from "../paths";
import type { OpenLab } from "./open-lab";
import { run } from "./process";

interface ExportedStack {
  deployment: { pending_operations?: { type: string }[] };
}

/**
 * Forgets what a killed engine was about to create, so that it does not warn of it for ever. The steps of this program look
 * before they make anything (machines by MAC address, objects by name), so the next run finds what came to be and goes on from there.
 *
 * @returns how many there were
 */
export async function forgetPendingCreates(lab: OpenLab): Promise<number> {
  const options = { cwd: checkout, env: { ...process.env, ...lab.environment } };
  const stack = JSON.parse((await run(lab.engine, ["stack", "export", "--stack", lab.stack], options)).stdout) as ExportedStack;
  const pending = stack.deployment.pending_operations ?? [];
  const kept = pending.filter(({ type }) => type !== "creating");
  if (kept.length === pending.length) {
    return 0;
  }
  stack.deployment.pending_operations = kept;
  await run(lab.engine, ["stack", "import", "--stack", lab.stack], { ...options, input: JSON.stringify(stack) });
  return pending.length - kept.length;
}

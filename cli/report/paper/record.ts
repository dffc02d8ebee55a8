import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { OpenLab } from "../../engine/open-lab";
import { run } from "../../engine/process";
import { checkStackFile } from "../../engine/settings-file";
import { stackFile } from "../../engine/stack";
import { maasSettingsOf } from "../../live/lab-facts";
import { checkout } from "../../paths";
import { makePreview } from "../make-preview";
import { reportOf } from "../report";
import { isObject, type Json } from "./placeholders";
import { type Recording, recordedResources } from "./recording";
import { commitOf } from "./revisions";

/** Lines that are kept of what is not applied. */
const keptLines = 50;

/** The decrypted values at the places where a stack file has `secure`. */
function secretsAt(written: Json | undefined, decrypted: Json | undefined): string[] {
  if (Array.isArray(written)) {
    return written.flatMap((item, index) => secretsAt(item, Array.isArray(decrypted) ? decrypted[index] : undefined));
  }
  if (!isObject(written)) {
    return [];
  }
  if ("secure" in written) {
    return typeof decrypted === "string" && decrypted !== "" ? [decrypted] : [];
  }
  return Object.entries(written).flatMap(([key, item]) => secretsAt(item, isObject(decrypted) ? decrypted[key] : undefined));
}

/** The secrets of the stack's file, decrypted. */
async function configSecrets(lab: OpenLab): Promise<string[]> {
  const file = stackFile(lab.stack);
  const args = ["config", "--json", "--show-secrets", "--stack", lab.stack, "--config-file", file];
  const { stdout } = await run(lab.engine, args, { cwd: checkout, env: { ...process.env, ...lab.environment } });
  const decrypted = JSON.parse(stdout) as Record<string, { value?: string; objectValue?: Json }>;
  const { config = {} } = (yaml.load(await fs.readFile(file, "utf8")) ?? {}) as { config?: Record<string, Json> };
  return Object.entries(config).flatMap(([key, written]) => secretsAt(written, decrypted[key]?.objectValue ?? decrypted[key]?.value));
}

/** What MAAS says of machines that are none of this stack's; nothing where it does not answer. */
async function otherMachines(lab: OpenLab): Promise<Record<string, string>> {
  const { settings } = await checkStackFile(lab.stack);
  const { url, apiKey } = await maasSettingsOf(lab);
  const { code, stdout } = await run(process.execPath, [path.join("maas", "step.cjs"), "others", "create"], {
    cwd: checkout,
    allowFailure: true,
    input: JSON.stringify({ known: settings.machines.map(({ name }) => name), tag: settings.monitoring.otherMachines.tag }),
    env: {
      ...process.env,
      MAAS_URL: url,
      MAAS_API_KEY: apiKey,
      ...(settings.maas.caFile && { NODE_EXTRA_CA_CERTS: settings.maas.caFile }),
    },
  });
  return code === 0 ? { others: stdout.trim() } : {};
}

/** Records a stack for reports that have neither its lab nor its secrets. */
export async function recordStack(lab: OpenLab): Promise<Recording> {
  const env = { ...process.env, ...lab.environment };
  const exported = await run(lab.engine, ["stack", "export", "--show-secrets", "--stack", lab.stack], { cwd: checkout, env });
  const { deployment } = JSON.parse(exported.stdout) as { deployment: { resources?: Parameters<typeof recordedResources>[0] } };
  const { effects } = reportOf(lab.stack, await makePreview(lab));
  return {
    format: 1,
    stack: lab.stack,
    commit: await commitOf("HEAD"),
    recorded: new Date().toISOString(),
    unapplied: effects.slice(0, keptLines).map(({ kind, subject, what }) => `${kind} ${subject}: ${what}`),
    answers: await otherMachines(lab),
    resources: recordedResources(deployment.resources ?? [], await configSecrets(lab)),
  };
}

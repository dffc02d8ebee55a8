import { isStatus } from "../api/errors";
import type { Machine, ScriptResult, ScriptSet } from "../api/types";
import type { Context } from "../api/wait";

type Kind = "commissioning" | "testing" | "installation";

/** Script statuses that are somebody's problem: failed, timed out, aborted, degraded, failed to install or to apply. */
const FAILED = [3, 4, 5, 6, 8, 11, 12, 13];
const TAIL = 30;

/** The results of the last run, or undefined when there has been none. */
export async function currentResults({ client }: Context, machine: Machine, kind: Kind, filters?: string): Promise<ScriptSet | undefined> {
  const query = filters === undefined ? {} : { include_output: true, filters };
  try {
    return await client.get<ScriptSet>(`nodes/${machine.system_id}/results/current-${kind}/`, query);
  } catch (error) {
    // MAAS says 400 "No current … script set exists for this node."
    if (isStatus(error, 400, 404)) {
      return undefined;
    }
    throw error;
  }
}

/** What failed and the end of what it printed, for the error of the step. */
export async function failureTail(context: Context, machine: Machine, kinds: Kind[]): Promise<string | undefined> {
  const parts: string[] = [];
  for (const kind of kinds) {
    const failed = (await currentResults(context, machine, kind))?.results.filter((each) => FAILED.includes(each.status)) ?? [];
    for (const script of failed.slice(0, 3)) {
      const output = await currentResults(context, machine, kind, script.name);
      const text = decode(output?.results.find((each) => each.name === script.name));
      parts.push(`${script.name}: ${script.status_name}${script.exit_status ? ` (exit status ${script.exit_status})` : ""}`, text);
    }
  }
  if (parts.length === 0) {
    parts.push(...(await lastPrinted(context, machine, kinds)));
  }
  if (parts.length === 0) {
    return undefined;
  }
  const rest = kinds.map((kind) => `maas $PROFILE node-script-result download ${machine.system_id} current-${kind}`).join("; ");
  return [...parts.filter(Boolean), `(the last ${TAIL} lines at most; the whole log: ${rest})`].join("\n");
}

/** Where nothing counts as failed, as after a timeout: the end of what was printed last. */
async function lastPrinted(context: Context, machine: Machine, kinds: Kind[]): Promise<string[]> {
  for (const kind of kinds) {
    const names = (await currentResults(context, machine, kind))?.results.map(({ name }) => name) ?? [];
    const printed = names.length > 0 ? await currentResults(context, machine, kind, names.join(",")) : undefined;
    const last = printed?.results.filter((each) => decode(each) !== "").at(-1);
    if (last) {
      return [`${last.name}: ${last.status_name}`, decode(last)];
    }
  }
  return [];
}

function decode(result: ScriptResult | undefined): string {
  const encoded = result?.output || result?.stderr || result?.stdout || "";
  return Buffer.from(encoded, "base64").toString("utf8").trimEnd().split("\n").slice(-TAIL).join("\n");
}

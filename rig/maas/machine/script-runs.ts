/** What a machine is given to run when it boots into memory: the user's own scripts. MAAS's built-in ones only tell the inventory. */
import type { EphemeralScript } from "../../hardware";
import type { Node, Script, ScriptResult } from "../state/model";
import type { World } from "../world";
import { ResultStatus, type ScriptSets } from "./script-sets";

/** Commissioning is followed by testing in the same boot, so both sets' pending scripts, in MAAS's order. */
export function scriptsToRun(maas: World & { scripts: ScriptSets }, node: Node, purpose: "commissioning" | "testing"): EphemeralScript[] {
  const sets = purpose === "commissioning" ? [node.commissioningSet, node.testingSet] : [node.testingSet];
  return sets.flatMap((id) =>
    (maas.scripts.get(id)?.results ?? [])
      .filter((result) => result.status === ResultStatus.pending)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((result) => {
        const script = maas.tables.scripts.find((row) => row.id === result.scriptId);
        return script && !script.default ? [toRun(script, result)] : [];
      }),
  );
}

function toRun(script: Script, result: ScriptResult): EphemeralScript {
  const revision = script.revisions.find((row) => row.id === result.revisionId) ?? script.revisions[0]!;
  return {
    name: script.name,
    content: Buffer.from(revision.data, "base64").toString("utf8"),
    arguments: argumentsOf(result.parameters),
    timeout: seconds(script.timeout),
  };
}

/** `argument_format` of each parameter, `--<name>={input}` where it has none. */
export function argumentsOf(parameters: Record<string, unknown>): string[] {
  return Object.entries(parameters).map(([name, parameter]) => {
    const { value, argument_format: format = `--${name}={input}` } = parameter as { value?: unknown; argument_format?: string };
    return format.replace("{input}", () => String(value ?? ""));
  });
}

/** MAAS's `0:10:00`; 0 is no limit. */
export function seconds(timeout: string): number {
  return timeout.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

import * as fs from "node:fs";
import * as path from "node:path";
import type { Preview, PreviewStep, ResourceState } from "../../../cli/report/preview";

export const folder = path.resolve(__dirname, "../../fixtures/previews");

function stateOf(state: ResourceState | null | undefined): ResourceState | undefined {
  return state ? { type: state.type, ...(state.parent ? { parent: state.parent } : {}) } : undefined;
}

const sorted = <T>(list: readonly T[] | null | undefined) => (list && list.length > 0 ? [...list].sort() : undefined);

/**
 * A recorded preview without what the report does not read and what is different each time: values, ids, and the resources
 * that stay as they are (but for the components around those that change).
 */
export function normalised(preview: Preview): Preview {
  const byUrn = new Map(preview.steps.map((step) => [step.urn, step]));
  const kept = new Set<string>();
  for (const step of preview.steps.filter(({ op }) => op !== "same")) {
    for (let urn: string | undefined = step.urn; urn; urn = (byUrn.get(urn)?.newState ?? byUrn.get(urn)?.oldState)?.parent) {
      kept.add(urn);
    }
  }
  const steps = preview.steps
    .filter(({ urn }) => kept.has(urn))
    .map(({ op, urn, oldState, newState, replaceReasons, diffReasons, detailedDiff }): PreviewStep => {
      const properties = Object.keys(detailedDiff ?? {}).sort();
      return JSON.parse(
        JSON.stringify({
          op,
          urn,
          ...(newState ? { newState: stateOf(newState) } : { oldState: stateOf(oldState) }),
          replaceReasons: sorted(replaceReasons),
          diffReasons: sorted(diffReasons),
          detailedDiff:
            properties.length > 0 ? Object.fromEntries(properties.map((name) => [name, { kind: detailedDiff?.[name].kind }])) : undefined,
        }),
      );
    });
  // The engine works on several resources at once; their order says nothing.
  steps.sort((a, b) => a.urn.localeCompare(b.urn) || a.op.localeCompare(b.op));
  return { steps };
}

export function writeFixture(name: string, preview: Preview): void {
  const lines = normalised(preview).steps.map((step) => JSON.stringify(step));
  fs.writeFileSync(path.join(folder, `${name}.jsonl`), lines.map((line) => `${line}\n`).join(""));
}

export function readFixture(name: string): Preview {
  const text = fs.readFileSync(path.join(folder, `${name}.jsonl`), "utf8");
  return { steps: text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as PreviewStep])) };
}

/** What `pulumi preview --json` prints, as far as the report reads it (pkg/display of the engine). */
export interface Preview {
  steps: PreviewStep[];
}

export interface PreviewStep {
  op: string;
  urn: string;
  oldState?: ResourceState | null;
  newState?: ResourceState | null;
  replaceReasons?: string[] | null;
  diffReasons?: string[] | null;
  detailedDiff?: Record<string, { kind: string; inputDiff?: boolean }> | null;
}

export interface ResourceState {
  type: string;
  parent?: string;
  inputs?: Record<string, unknown>;
}

/** Operations that leave everything as it is. */
const quiet = new Set(["same", "read", "refresh"]);
/** Parts of one replacement; it is reported once, by the `replace` among them. */
const partsOfReplacement = new Set(["create-replacement", "delete-replaced", "discard-replaced", "read-replacement"]);

export type Operation = "create" | "update" | "replace" | "delete";

/** A step that changes something, with the operation as a person would name it. */
export interface Change {
  operation: Operation;
  urn: string;
  /** Type token, for example `command:local:Command`. */
  type: string;
  name: string;
  /** Types and names of the components around it, nearest last, and whether their own arguments change. */
  parents: { type: string; name: string; updated: boolean }[];
  /** Properties that differ, nested ones with their path. */
  properties: string[];
  step: PreviewStep;
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function typeOf(urn: string): string {
  return urn.split("::")[2].split("$").at(-1) ?? "";
}

/** The steps that change something, replacements told once. Components and providers are not things of their own. */
export function changesOf(preview: Preview): Change[] {
  const parentOf = new Map(preview.steps.map((step) => [step.urn, (step.newState ?? step.oldState)?.parent]));
  const updated = new Set(preview.steps.filter(({ op }) => op === "update").map(({ urn }) => urn));
  const replaced = new Set(preview.steps.filter(({ op }) => op === "replace").map(({ urn }) => urn));
  const seen = new Set<string>();
  const changes: Change[] = [];
  for (const step of preview.steps) {
    const type = typeOf(step.urn);
    const isPart = partsOfReplacement.has(step.op);
    if (quiet.has(step.op) || /^(homelab|pulumi):/.test(type) || (isPart && replaced.has(step.urn)) || seen.has(step.urn)) {
      continue;
    }
    seen.add(step.urn);
    const operation = isPart ? "replace" : (step.op as Operation);
    const parents: Change["parents"] = [];
    // What stays the same is in the JSON only with --show-sames; the nearest parent is known by its URN in any case.
    for (let parent = parentOf.get(step.urn); parent; parent = parentOf.get(parent)) {
      parents.unshift({ type: typeOf(parent), name: nameOf(parent), updated: updated.has(parent) });
    }
    const properties = Object.keys(step.detailedDiff ?? {});
    const named = properties.length > 0 ? properties : [...new Set([...(step.replaceReasons ?? []), ...(step.diffReasons ?? [])])];
    changes.push({ operation, urn: step.urn, type, name: nameOf(step.urn), parents, properties: named.sort(), step });
  }
  return changes;
}

import versions from "../../versions.json";
import type { Change, ResourceState } from "./preview";

/** An upgrade of k3s that leaves out a minor version, which neither the datastore nor the kubelets stand. */
export interface SkippedMinor {
  nodes: string[];
  from: string;
  to: string;
  /** What to upgrade to first: a release, or a minor version where none is known. */
  first: string;
}

const minorOf = (version: string): number => Number(/^v1\.(\d+)\./.exec(version)?.[1]);

function installed(state: ResourceState | null | undefined): string | undefined {
  return /\bversion=(v1\.\d+\.\d+[^\s'"]*)/.exec(String(state?.inputs?.create ?? ""))?.[1];
}

/** The upgrade among these changes that the machines would refuse, if there is one. */
export function skippedMinor(changes: readonly Change[]): SkippedMinor | undefined {
  const skipped: SkippedMinor[] = [];
  for (const { name, operation, step } of changes) {
    const node = /^k3s-(.+)-k3s$/.exec(name)?.[1];
    const [from, to] = [installed(step.oldState), installed(step.newState)];
    if (node !== undefined && operation === "update" && from && to && minorOf(to) > minorOf(from) + 1) {
      const next = `v1.${minorOf(from) + 1}.`;
      const first = versions.k3s.before.startsWith(next) ? versions.k3s.before : `the newest ${next.slice(0, -1)} release`;
      const known = skipped.find((one) => one.from === from && one.to === to);
      known ? known.nodes.push(node) : skipped.push({ nodes: [node], from, to, first });
    }
  }
  return skipped[0];
}

/** What is in the way, and the way around it; nothing where no minor version is skipped. */
export function skippedLines(skipped: SkippedMinor | undefined, file = "the stack file"): string[] {
  return skipped === undefined
    ? []
    : [
        `k3s cannot go from ${skipped.from} to ${skipped.to} in one step. In ${file} set homelab:cluster.version to ${skipped.first},`,
        `run 'lab up', then take the line out again or set ${skipped.to}, and run 'lab up' once more: docs/how-to/k3s-upgrade.md.`,
      ];
}

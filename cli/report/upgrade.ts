import { UserError } from "../../components/core/user-error";
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

/** Minor, patch, release candidate (after all of them: none), k3s's own revision. */
function partsOf(version: string): number[] | undefined {
  const [, minor, patch, candidate, revision] = /^v1\.(\d+)\.(\d+)(?:-rc(\d+))?\+k3s(\d+)$/.exec(version) ?? [];
  return minor === undefined ? undefined : [minor, patch, candidate ?? "999", revision].map(Number);
}

/** Below 0 where `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a) ?? [], partsOf(b) ?? []];
  const differs = left.findIndex((each, index) => each !== right[index]);
  return differs < 0 ? 0 : left[differs] - right[differs];
}

/** What to upgrade to before a later minor: a release, or a minor version where none is known. */
function firstAfter(minor: number): string {
  const next = `v1.${minor + 1}.`;
  return versions.k3s.before.startsWith(next) ? versions.k3s.before : `the newest ${next.slice(0, -1)} release`;
}

/**
 * @param running versions by node
 * @param to the version asked for
 * @throws UserError where this release of the project does not know it, or the nodes cannot go there in one step
 */
export function requireUpgradable(running: Readonly<Record<string, string>>, to: string): void {
  const path = "--to";
  const wanted = partsOf(to);
  if (wanted === undefined) {
    throw new UserError({ path, message: "is not a version of k3s", found: to, allowed: "a version such as v1.36.5+k3s1" });
  }
  const [oldest, newest] = [minorOf(versions.k3s.before), minorOf(versions.k3s.version)];
  if (wanted[0] < oldest || wanted[0] > newest) {
    throw new UserError({
      path,
      message: `this release of the project does not know k3s 1.${wanted[0]}`,
      found: to,
      allowed: `releases of ${Array.from({ length: newest - oldest + 1 }, (_, index) => `1.${oldest + index}`).join(" and ")}`,
      fix: wanted[0] > newest ? "update the project first" : `name one of these, such as ${versions.k3s.version}`,
    });
  }
  const nodes = Object.entries(running).sort(([, a], [, b]) => compareVersions(a, b));
  const said = (version: string) => `${version} on ${nodes.flatMap(([name, each]) => (each === version ? [name] : [])).join(", ")}`;
  const [, lowest = to] = nodes[0] ?? [];
  const [, highest = to] = nodes.at(-1) ?? [];
  if (compareVersions(to, highest) < 0) {
    throw new UserError({
      path,
      message: "k3s cannot go back to an older version",
      found: `${said(highest)}; ${to} is asked for`,
      allowed: `${highest} or newer`,
      fix: "to undo the last upgrade, run './lab upgrade k3s --back'",
    });
  }
  if (wanted[0] > minorOf(lowest) + 1) {
    const first = firstAfter(minorOf(lowest));
    throw new UserError({
      path,
      message: "k3s is upgraded one minor version at a time",
      found: `${said(lowest)}; ${to} is asked for`,
      allowed: first,
      fix: `upgrade to ${first} first`,
    });
  }
}

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
      const first = firstAfter(minorOf(from));
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

import type { Effect } from "../../../cli/report/effects";
import type { Report } from "../../../cli/report/report";
import type { LabView } from "./lab-view";

const names = (...records: Record<string, unknown>[]) => [...new Set(records.flatMap((record) => Object.keys(record)))].sort();

/** Keys whose values differ between two records. */
function differing<T>(
  before: Record<string, T>,
  after: Record<string, T>,
  differ: (one: T, other: T) => boolean = (one, other) => one !== other,
) {
  return names(before, after).filter((name) => !(name in before) || !(name in after) || differ(before[name], after[name]));
}

/** What happened between two views, by what it happened to. */
export function happened(before: LabView, after: LabView) {
  const last = Math.max(0, ...before.events.map(({ id }) => id));
  const events = after.events.filter(({ id }) => id > last);
  const logged = (...types: string[]) =>
    [...new Set(events.filter(({ type }) => types.includes(type)).map(({ hostname }) => hostname))].sort();
  const old = new Set(before.pods.map(({ uid }) => uid));
  return {
    /** Machines that MAAS or the cluster did anything to. */
    touched: [
      ...new Set([
        ...events.map(({ hostname }) => hostname),
        ...differing(before.machines, after.machines),
        ...differing(before.nodes, after.nodes, (one, other) => JSON.stringify(one) !== JSON.stringify(other)),
      ]),
    ].sort(),
    deployed: logged("Deploying"),
    commissioned: logged("Commissioning"),
    gone: Object.keys(before.machines).filter((name) => !(name in after.machines)),
    edited: differing(before.machines, after.machines),
    k3sStarted: differing(before.nodes, after.nodes, (one, other) => one.uid !== other.uid || one.starts !== other.starts),
    drained: differing(before.nodes, after.nodes, (one, other) => one.cordons !== other.cordons || one.uid !== other.uid),
    /** Pods that are new, and the nodes that those before them were on. */
    newPods: after.pods
      .filter(({ uid }) => !old.has(uid))
      .map(({ workload, node }) => ({
        workload,
        node,
        from: before.pods.filter((pod) => pod.workload === workload).map((pod) => pod.node),
      })),
    generations: differing(before.generations, after.generations),
    volumes: differing(before.volumes, after.volumes),
  };
}

const about = (report: Report, kind: Effect["kind"], what: RegExp) =>
  [...new Set(report.effects.filter((effect) => effect.kind === kind && what.test(effect.what)).map(({ subject }) => subject))].sort();

/** `namespace-name`, the program's names, of `namespace/name`. */
const resourceName = (object: string) => object.replace("/", "-");

/**
 * Where a lab did another thing than the report said that it would; nothing where they agree. Compared are machines by MAAS's event
 * log, nodes by the cluster's, workloads by generation and pods, volumes by identity.
 *
 * @param packaged workloads that k3s itself brings or takes away with its configuration, as `namespace/name`
 */
export function unlikeReported(report: Report, before: LabView, after: LabView, packaged: readonly string[] = []): string[] {
  const all = happened(before, after);
  const seen = {
    ...all,
    newPods: all.newPods.filter(({ workload }) => !packaged.includes(workload)),
    generations: all.generations.filter((workload) => !packaged.includes(workload)),
  };
  const wrong: string[] = [];
  const same = (what: string, found: string[], said: string[]) => {
    if (found.join() !== said.join()) {
      wrong.push(`${what}: [${found}], reported: [${said}]`);
    }
  };
  const within = (what: string, found: string[], said: string[]) => {
    const beyond = found.filter((name) => !said.includes(name));
    if (beyond.length > 0) {
      wrong.push(`${what}, not reported: [${beyond}]`);
    }
  };
  within("machines touched", seen.touched, names(report.machines));
  same("deployed", seen.deployed, about(report, "machine", /^(reinstalled|deployed:)/));
  same("commissioned", seen.commissioned, about(report, "machine", /^commissioned(:| again: power)/));
  same("removed from MAAS", seen.gone, about(report, "machine", /^removed from MAAS/));
  const edits = about(report, "machine", /^(edited in MAAS|enlisted|removed from MAAS)/);
  same("edited in MAAS", seen.edited, edits);
  within("k3s started", seen.k3sStarted, about(report, "node", /restarted|installed|removed/));
  const emptied = about(report, "node", /drained|installed|removed/);
  within("drained", seen.drained, emptied);

  const restarted = about(report, "service", /^(restarted|started|stopped, and)/);
  const moved = (pod: (typeof seen.newPods)[number]) =>
    [...pod.from, pod.node].some((node) => node !== undefined && emptied.includes(node));
  const unforeseen = seen.newPods.filter((pod) => !restarted.includes(resourceName(pod.workload)) && !moved(pod));
  within("restarted", [...new Set(unforeseen.map(({ workload }) => workload))], []);
  const renewed = seen.newPods.map(({ workload }) => resourceName(workload));
  const edited = seen.generations.map(resourceName);
  const untouched = restarted.filter((name) => !renewed.includes(name) && !edited.includes(name));
  within("reported as restarted, and was not", untouched, []);
  const schedules = report.effects.filter(({ kind, what }) => kind === "object" && /^CronJob/.test(what)).map(({ subject }) => subject);
  const services = report.effects.filter(({ kind }) => kind === "service").map(({ subject }) => subject);
  // A backup's schedule is named by its part of the program, then by what it does.
  const scheduled = (name: string) =>
    schedules.find((said) => [said, said.replace(/-backup-(restore|verify)$/, "-$1")].includes(name) || said.startsWith(`${name}-`)) ??
    name;
  within("workloads edited", edited.map(scheduled), [...services, ...schedules]);
  const made = about(report, "volume", /^(created|made anew|deleted)/);
  // A claim of a storage class of its own has that at the end of its name.
  const claim = (name: string) => made.find((said) => name === said || name.startsWith(`${said}-`)) ?? name;
  same("volumes made anew", [...new Set(seen.volumes.map(resourceName).map(claim))].sort(), made);
  return wrong;
}

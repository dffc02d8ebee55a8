import { toSeconds } from "../../components/core/notations";
import { UserError } from "../../components/core/user-error";
import { type Host, ssh } from "../../components/k3s/operations/shell";
import { type Packages, readmit, restartMachine, type Updated, updateSystem } from "../../components/k3s/operations/system";
import { knownStack } from "../engine/known-stack";
import { say, stage, total } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import { awaitWell, usual } from "../engine/walk";
import { KubernetesApi } from "../live/kubernetes-api";
import { labHosts } from "../live/lab-hosts";
import { labStatus, renderStatus } from "../live/summary";
import { agreed } from "./machine-questions";
import { refuseUnwell } from "./starts-well";

interface Options {
  stack: string;
  packages: Packages;
  restart: "needed" | "always" | "never";
  yes?: boolean;
}

/** Servers first, as with k3s; one after another. */
function inOrder(hosts: readonly Host[], names: readonly string[]): Host[] {
  const unknown = names.filter((name) => !hosts.some((host) => host.name === name));
  if (unknown.length > 0) {
    throw new UserError({
      path: "machine",
      message: "is not one of the stack's machines",
      found: unknown.join(", "),
      allowed: hosts.map(({ name }) => name).join(", "),
      fix: "name some of these, or none for all",
    });
  }
  const wanted = hosts.filter(({ name }) => names.length === 0 || names.includes(name));
  return [...wanted.filter(({ role }) => role === "server"), ...wanted.filter(({ role }) => role !== "server")];
}

/** Nodes that a run which was cut off has left closed. */
async function leftClosed(kubeconfig: string | undefined): Promise<string[]> {
  if (kubeconfig === undefined) {
    return [];
  }
  const { items } = await (await new KubernetesApi(kubeconfig).core()).listNode();
  return items
    .filter(({ metadata }) => metadata?.annotations?.["homelab.internal/cordoned"] === "restart")
    .map(({ metadata }) => metadata?.name ?? "");
}

/** Machines that nobody has brought up since lack the verb. */
function olderScript(stack: string) {
  return (error: Error): never => {
    throw error.message.includes("usage: k3s.sh")
      ? new UserError({
          path: "lab upgrade os",
          message: "the machines have an older project's scripts",
          fix: `run './lab up --stack ${stack}' first`,
        })
      : error;
  };
}

function said(name: string, { changed, restart, kernel }: Updated, then: string): string {
  return `    ${name}: ${changed} ${changed === 1 ? "package" : "packages"} changed, kernel ${kernel}, ${restart ? "a restart finishes the update" : "no restart is needed"}${then}`;
}

/** `lab upgrade os [MACHINE...]`. */
export async function upgradeOs(names: readonly string[], { stack, packages, restart, yes }: Options): Promise<void> {
  const known = await knownStack(stack);
  const { hosts, outputs } = await labHosts(known);
  const order = inOrder(hosts, names);
  const drain = toSeconds((await checkStackFile(known.stack)).settings.cluster.timeouts.drain);
  for (const name of await leftClosed(outputs.kubeconfig)) {
    const host = hosts.find((each) => each.name === name);
    if (host) {
      await stage(`${name} back in service, which a run that was cut off had closed`, (report) => readmit(ssh, hosts, host, report));
    }
  }
  refuseUnwell(await stage("How the lab is", () => labStatus(known)), "lab upgrade os", "an update");
  const alone = hosts.length === 1 ? "; the lab is down while its only machine restarts" : "";
  const what = { all: "all packages are updated", security: "packages are updated for security", none: "no package is updated" }[packages];
  const when = { needed: "a machine restarts where an update needs it", always: "each machine restarts", never: "no machine restarts" }[
    restart
  ];
  const does = `${what}, ${when}, one after another, each when the lab is well: ${order.map(({ name }) => name).join(" ▶ ")}${alone}`;
  if (!(await agreed("system of the machines", does, true, { stack, yes }))) {
    say("Nothing was done.");
    return;
  }
  const left: string[] = [];
  for (const [index, host] of order.entries()) {
    const updated = await stage(`Update of ${host.name} (${index + 1} of ${order.length})`, (report) =>
      updateSystem(ssh, host, packages, report).catch(olderScript(stack)),
    );
    const goes = restart === "always" || (restart === "needed" && updated.restart);
    say(said(host.name, updated, goes ? "; restarting it" : ""));
    if (!goes) {
      left.push(...(updated.restart ? [host.name] : []));
      continue;
    }
    await stage(`Restart of ${host.name}`, (report) => restartMachine(ssh, hosts, host, { drain, progress: report }));
    const wrong = await stage("Waiting until all is well", () => awaitWell(known, new Set(), usual));
    if (wrong.length > 0) {
      const waiting = order.slice(index + 1).map(({ name }) => name);
      throw new Error(
        `${host.name} is restarted, and the lab is not well after ${usual.limit / 60_000} minutes:\n${wrong.map((each) => `  ${each}`).join("\n")}\n` +
          `${waiting.length > 0 ? `Not touched yet: ${waiting.join(", ")}. ` : ""}Fix it ('./lab status' shows what is wrong), then run './lab upgrade os --stack ${stack}' again.`,
      );
    }
  }
  process.stdout.write(renderStatus(await labStatus(known), stack));
  if (left.length > 0) {
    say(`\nStill to be restarted: ${left.join(", ")}. './lab upgrade os --packages none --stack ${stack}' does it.`);
  }
  say(`\nUpdated ${order.length === 1 ? "one machine" : `${order.length} machines`} in ${total()}.`);
}

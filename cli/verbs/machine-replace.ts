import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { macAddress, toSeconds } from "../../components/core/notations";
import { UserError } from "../../components/core/user-error";
import { ssh } from "../../components/k3s/operations/shell";
import { verb } from "../../components/k3s/scripts";
import type { MaasClient } from "../../components/maas/api/client";
import { engineUp } from "../engine/engine-run";
import { reviewReplacement, unprotect } from "../engine/guard";
import { knownStack } from "../engine/known-stack";
import { openLab } from "../engine/open-lab";
import { say, stage } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import { simStack } from "../engine/stack";
import { KubernetesApi } from "../live/kubernetes-api";
import { type Stack, stackOutputs } from "../live/lab-facts";
import { labHosts } from "../live/lab-hosts";
import { claimsOn } from "../live/local-volumes";
import { withOtherHardware } from "../new/edit-machine";
import { withEdited } from "../new/edited-file";
import { settingsFile } from "../paths";
import { renderText } from "../report/report";
import { agreed, clientFor, type MachineOptions, machineInMaas } from "./machine-questions";

interface Options extends MachineOptions {
  mac: string[];
  power: Record<string, string>;
  lost?: boolean;
}

function card(text: string, others: string[] = []): string[] {
  if (!macAddress.safeParse(text).success) {
    throw new InvalidArgumentError("It must be a MAC address such as 54:b2:03:00:00:09.");
  }
  return [...others, text];
}

function parameter(text: string, others: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([a-z_]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || /pass|secret|token|key/.test(name)) {
    throw new InvalidArgumentError("It must be NAME=VALUE, such as power_address=192.168.1.29, and no secret.");
  }
  return { ...others, [name]: value };
}

async function replace(name: string, options: Options): Promise<void> {
  const { stack, mac, power, lost = false } = options;
  const known = await knownStack(stack);
  const client = await clientFor(known, name);
  const file = settingsFile(stack);
  if (lost) {
    await refuseLostVolumes(known, name);
  }
  const text = withOtherHardware(await readFile(file, "utf8"), file, name, { macAddresses: mac, power: power ?? {} });
  await withEdited(file, text, async (keep) => {
    await checkStackFile(stack);
    const lab = await openLab(stack);
    const { report, guarded } = await reviewReplacement(lab, name);
    process.stdout.write(renderText(report));
    const does = lost
      ? "MAAS forgets the old machine as it is, and the new one takes its name, address and role"
      : "MAAS releases the old machine, and the new one takes its name, address and role";
    if (!(await agreed(name, `${does}; what is on the old one's disks is lost`, true, options))) {
      say(`Nothing was done; ${file} is as it was.`);
      return;
    }
    if (!lost) {
      await vacate(known, name);
    }
    keep();
    if (lost) {
      await forget(client, name);
    }
    await unprotect(lab, guarded);
    const { code } = await engineUp(lab);
    if (code !== 0) {
      throw new Error(
        `${name} was not replaced to the end: the first error above says why. ${file} has the new machine: './lab up --stack ${stack}' continues.`,
      );
    }
  });
}

/** The engine releases the machine first, and with it what is on its disk: so the node gives its volumes away and leaves before that. */
async function vacate(stack: Stack, name: string): Promise<void> {
  const [{ settings }, { hosts }] = [await checkStackFile(stack.stack), await labHosts(stack)];
  const other = hosts.find((host) => host.role === "server" && host.name !== name);
  if (other) {
    const { loseVolumesOf, timeouts } = settings.cluster;
    const loses = loseVolumesOf.includes(name) ? "true" : undefined;
    const command = verb("remove", { node: name, "drain-timeout": toSeconds(timeouts.drain), "lose-volumes": loses });
    await stage(`${name} leaves the cluster`, (progress) => ssh.run(other, command, { progress }));
  }
}

/** What lies on a dead machine's disk cannot be moved, as that of one that is alive is before it goes. */
async function refuseLostVolumes(stack: Stack, name: string): Promise<void> {
  const [{ settings }, { kubeconfig }] = [await checkStackFile(stack.stack), await stackOutputs(stack)];
  const claims = kubeconfig === undefined ? [] : await claimsOn(new KubernetesApi(kubeconfig), name);
  if (claims.length > 0 && !settings.cluster.loseVolumesOf.includes(name)) {
    throw new UserError({
      path: "--lost",
      message: `the volumes of these claims lie on ${name} and would be lost with it`,
      found: claims.join(", "),
      allowed: `a machine without volumes, or one that homelab:cluster.loseVolumesOf names`,
      fix: `if it can be switched on again, leave --lost out: its volumes are moved first. Otherwise name ${name} there, run './lab up', then this again, and restore the volumes from a backup`,
    });
  }
}

/** Out of MAAS at once: the machine need not answer for that. */
async function forget(client: MaasClient, name: string): Promise<void> {
  const old = await machineInMaas(client, name);
  if (!old) {
    return;
  }
  if (old.locked) {
    await client.post(`machines/${old.system_id}/`, "unlock", {});
  }
  await client.delete(`machines/${old.system_id}/`);
  say(`    ${name} (${old.system_id}) is out of MAAS`);
}

/** `lab machine replace`. */
export function registerReplace(command: Command): void {
  command
    .command("replace")
    .description("put another machine in an old one's place: under its name, with its address and role")
    .argument("<machine>", "name of one of the stack's machines")
    .requiredOption("--mac <address>", "MAC address of the new machine; once for each of its cards, the one that it boots from first", card)
    .option("--power <parameter>", "NAME=VALUE, a power parameter that differs; once for each", parameter)
    .option("--lost", "the old machine cannot be switched off any more: MAAS forgets it instead of releasing it")
    .option("--stack <name>", "stack that the machine is in", simStack)
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      "\nChanges the stack file, shows what that does, asks, and brings it about. A server leaves the cluster before the new one joins under\nits name. Of the old machine's local volumes and disks nothing is kept: docs/how-to/replace-a-machine.md.",
    )
    .action((name: string, options: Options) => replace(name, options));
}

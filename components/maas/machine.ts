import { createHash } from "node:crypto";
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import type { MachineSettings } from "../../settings/machines";
import type { NetworkSettings } from "../../settings/network";
import type { SshSettings } from "../../settings/ssh";
import { canonical } from "../core/canonical";
import type { MachineAccess } from "../core/machine-access";
import { userData, userDataArgs } from "./cloud-init";
import { commissionDesired, deployDesired, enlistDesired, fixedAddress } from "./desired";
import { type MaasAccess, observed, stepCommand } from "./step-command";
import type { Deployed } from "./steps/deploy";
import { sentUserData } from "./vendor-data";

export interface MaasMachineArgs {
  /** The machine's entry under `homelab:machines`. */
  machine: MachineSettings;
  maas: MaasAccess;
  network: NetworkSettings;
  ssh: SshSettings;
  /** Digests of the scripts that this stack uploads, by name. */
  scripts?: Readonly<Record<string, string>>;
  /** The lab's key, with which the program logs in. */
  deployKey: tls.PrivateKey;
}

/**
 * One machine, from its MAC address to a deployed operating system that answers on SSH with a host key known
 * beforehand: Enlistment ▶ Commissioning ▶ Deployment, a resource each.
 *
 * A change of power, zone, pool, tags or notes edits the enlistment in place. A change of the commissioning scripts or
 * of the deployment (release, kernel, user data, address) replaces what comes after it: the machine is released and
 * deployed anew, and the preview says so.
 */
export class MaasMachine extends pulumi.ComponentResource {
  readonly access: MachineAccess;
  /** The phases, for options that this component does not offer. */
  readonly nodes: {
    hostKey: tls.PrivateKey;
    incarnation: random.RandomId;
    enlistment: command.local.Command;
    commissioning: command.local.Command;
    deployment: command.local.Command;
  };

  constructor(name: string, args: MaasMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    const { name: machineName, role, macAddresses } = args.machine;
    // These lie in the state in clear: no more than what tells which machine it is, as user data and parameters hold secrets.
    super("homelab:maas:Machine", name, { name: machineName, role, macAddresses }, opts);
    const { machine, maas, ssh } = args;
    // A virtual machine of another size is another machine, as one with another network card is.
    const key = machine.compose ? canonical({ name: machine.name, ...machine.compose }) : machine.macAddresses[0];
    const { scripts, tests } = machine.commissioning;
    const digests = [...scripts, ...tests].map((script) => args.scripts?.[script] ?? "");
    // How commissioning is done matters the next time; what it runs, at once.
    const next = { skipNetworking: false, skipStorage: false, skipBmcConfig: false, enableSsh: false };
    const commissioned = canonical({ ...machine.commissioning, ...next, digests });
    // Parameters of scripts may be secrets; without any, the preview may show what changes.
    const hidden = <T>(value: T): pulumi.Input<T> =>
      Object.keys(machine.commissioning.parameters).length > 0 ? (pulumi.secret(value) as pulumi.Output<T>) : value;
    const address = fixedAddress(machine);
    const parent = { parent: this };

    const hostKey = new tls.PrivateKey(`${name}-host-key`, { algorithm: "ED25519" }, parent);
    const enlistment = stepCommand(
      `${name}-enlistment`,
      {
        step: "enlist",
        maas,
        desired: enlistDesired(args),
        secrets: { POWER_PARAMETERS: JSON.stringify(machine.power.parameters) },
        triggers: [key],
      },
      parent,
    );
    const commissioning = stepCommand(
      `${name}-commissioning`,
      { step: "commission", maas, desired: hidden(commissionDesired(args)), triggers: [key, hidden(commissioned)] },
      { ...parent, dependsOn: enlistment },
    );
    const cloudInit = pulumi
      .all([args.deployKey.publicKeyOpenssh, hostKey.privateKeyOpenssh, hostKey.publicKeyOpenssh])
      .apply(([deployKey, privateKey, publicKey]) => userDataArgs({ machine, ssh, deployKey, hostKey: { privateKey, publicKey } }));
    const userDataOfMachine = pulumi.secret(cloudInit.apply(userData));
    const sent = pulumi.secret(cloudInit.apply((cloudInitArgs) => sentUserData(cloudInitArgs, machine)));
    const incarnation = new random.RandomId(
      `${name}-incarnation`,
      {
        byteLength: 8,
        keepers: {
          machine: key,
          address: machine.address ?? "automatic",
          release: machine.release ?? "default",
          kernel: machine.kernel ?? "default",
          ephemeral: String(machine.ephemeral),
          kernelOptions: machine.kernelOptions ?? "none",
          swap: String(machine.swap ?? "default"),
          // What is laid out or run while Ready needs the machine back.
          storage: canonical(machine.storage ?? "default"),
          ...(machine.vmHost && { vmHost: machine.vmHost }),
          interfaces: canonical(machine.interfaces),
          commissioning: hidden(commissioned),
          // A digest gives nothing away.
          userData: pulumi.unsecret(userDataOfMachine.apply((text) => createHash("sha256").update(text).digest("hex").slice(0, 32))),
        },
      },
      parent,
    );
    const desired = pulumi
      .all([incarnation.hex, userDataOfMachine, sent])
      .apply(([id, text, sentText]) => deployDesired(args, id, text, sentText));
    const deployment = stepCommand(
      `${name}-deployment`,
      { step: "deploy", maas, desired, triggers: [incarnation.hex] },
      { ...parent, dependsOn: commissioning },
    );

    this.nodes = { hostKey, incarnation, enlistment, commissioning, deployment };
    this.access = {
      name: machine.name,
      // A fixed address is known at preview; through the URN it still waits for the deployment.
      address: address ? deployment.urn.apply(() => address) : observed<Deployed>(deployment).address,
      port: ssh.port,
      user: ssh.user,
      privateKey: pulumi.secret(args.deployKey.privateKeyOpenssh),
      hostKey: hostKey.publicKeyOpenssh.apply((key) => key.trim()),
      incarnation: incarnation.hex,
      deployed: pulumi.all([incarnation.hex, deployment.urn]).apply(([id]) => id),
      resource: deployment,
    };
    this.registerOutputs({ address: this.access.address, hostKey: this.access.hostKey });
  }
}

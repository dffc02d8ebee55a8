import { createHash } from "node:crypto";
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { canonical } from "../core/canonical";
import type { MachineAccess } from "../core/machine-access";
import { inClear } from "../core/secret-output";
import { withTransform } from "../core/transform";
import { UserError } from "../core/user-error";
import type { PowerParameters } from "./api/power";
import { type MaasMachineArgs, withDefaults } from "./args/machine";
import { type PlainUserData, userData, userDataArgs } from "./cloud-init";
import { commissionDesired, deployDesired, enlistDesired, fixedAddress, scriptParameters } from "./desired";
import { observed, stepCommand } from "./step-command";
import { commissionStep } from "./steps/commission";
import { deployStep } from "./steps/deploy";
import { enlistStep } from "./steps/enlist";
import { sentUserData } from "./vendor-data";

/**
 * One machine, from its MAC address to a deployed operating system that answers on SSH with a host key known
 * beforehand: Enlistment ▶ Commissioning ▶ Deployment, a resource each.
 *
 * A change of power, zone, pool, tags or notes edits the enlistment in place. A change of the commissioning scripts or
 * of the deployment (release, kernel, user data, address) replaces what comes after it: the machine is released and
 * deployed anew, and the preview says so.
 */
export class MaasMachine extends pulumi.ComponentResource {
  /** How to reach it; what `K3sCluster` and `Monitoring` take. */
  readonly access: MachineAccess;
  /** The phases, for options that this component does not offer. */
  readonly nodes: {
    /** The host key that it gets, so that SSH knows it beforehand. */
    hostKey: tls.PrivateKey;
    /** Another one is another deployment. */
    incarnation: random.RandomId;
    /** Makes it known to MAAS. */
    enlistment: command.local.Command;
    /** Inventory and tests. */
    commissioning: command.local.Command;
    /** The operating system. */
    deployment: command.local.Command;
  };

  /**
   * Makes the three phases and their host key.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link MaasMachineArgs}
   * @throws UserError where neither or both of `macAddresses` and `compose` are given, or user data do not fit together
   */
  constructor(name: string, args: MaasMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    const machine = withDefaults(name, args);
    // These lie in the state in clear: no more than what tells which machine it is, as user data and parameters hold secrets.
    super("homelab:maas:Machine", name, { name: machine.name, macAddresses: machine.macAddresses }, withTransform(opts, args.transform));
    checkIdentity(machine);
    const { region: maas } = args;
    const { ssh } = machine;
    // A virtual machine of another size is another machine, as one with another network card is.
    const key = machine.compose ? canonical({ name: machine.name, ...machine.compose }) : machine.macAddresses[0];
    // How commissioning is done matters the next time; what it runs, at once.
    const next = { skipNetworking: false, skipStorage: false, skipBmcConfig: false, enableSsh: false };
    const parameters = inClear(machine.commissioning.parameters) as pulumi.Output<Record<string, Record<string, string>>>;
    const { scripts, tests } = machine.commissioning;
    const commissioned = pulumi.all([parameters, pulumi.output({ scripts, tests })]).apply(([inner, { scripts, tests }]) => {
      const digests = [...scripts, ...tests].map((script) => maas.scripts[script] ?? "");
      return canonical({ scripts, tests, parameters: inner, ...next, digests });
    });
    // Parameters of scripts may be secrets; without any, the preview may show what changes.
    const hidden = <T>(value: pulumi.Output<T>) =>
      Object.keys(machine.commissioning.parameters).length > 0 ? (pulumi.secret(value) as unknown as pulumi.Output<T>) : value;
    const address = fixedAddress(machine);
    const parent = { parent: this };

    const hostKey = new tls.PrivateKey(`${name}-host-key`, { algorithm: "ED25519" }, parent);
    const enlistment = stepCommand(
      enlistStep,
      `${name}-enlistment`,
      {
        maas,
        desired: enlistDesired({ machine, maas }),
        secrets: inClear(machine.power.parameters) as pulumi.Output<PowerParameters>,
        triggers: [key],
      },
      parent,
    );
    const commission = { ...commissionDesired({ machine, maas }), parameters: hidden(parameters.apply(scriptParameters)) };
    const commissioning = stepCommand(
      commissionStep,
      `${name}-commissioning`,
      { maas, desired: commission, triggers: [key, hidden(commissioned)] },
      { ...parent, dependsOn: enlistment },
    );
    const cloudInit = pulumi
      .all([
        args.deployKey.publicKeyOpenssh,
        hostKey.privateKeyOpenssh,
        hostKey.publicKeyOpenssh,
        inClear(machine.userData),
        pulumi.output(ssh),
      ])
      .apply(([deployKey, privateKey, publicKey, inner, account]) =>
        userDataArgs({ userData: inner as PlainUserData, ssh: account, deployKey, hostKey: { privateKey, publicKey } }),
      );
    const userDataOfMachine = pulumi.secret(cloudInit.apply(userData));
    const { vmHost, hardwareSync, ephemeral } = machine;
    const sent = pulumi
      .all([cloudInit, pulumi.output({ vmHost, hardwareSync, ephemeral })])
      .apply(([each, means]) => differing(sentUserData(each, means), userData(each)));
    const incarnation = new random.RandomId(
      `${name}-incarnation`,
      {
        byteLength: 8,
        keepers: {
          machine: key,
          address: machine.address ?? "automatic",
          release: machine.release ?? "default",
          kernel: machine.kernel ?? "default",
          ephemeral: pulumi.output(machine.ephemeral).apply(String),
          kernelOptions: machine.kernelOptions ?? "none",
          swap: pulumi.output(machine.swap ?? "default").apply(String),
          // What is laid out or run while Ready needs the machine back.
          storage: pulumi.output(machine.storage ?? "default").apply(canonical),
          ...(machine.vmHost && { vmHost: machine.vmHost }),
          interfaces: pulumi.output(machine.interfaces).apply(canonical),
          commissioning: hidden(commissioned),
          // A digest gives nothing away.
          userData: pulumi.unsecret(userDataOfMachine.apply((text) => createHash("sha256").update(text).digest("hex").slice(0, 32))),
        },
      },
      parent,
    );
    const deployment = stepCommand(
      deployStep,
      `${name}-deployment`,
      {
        maas,
        desired: {
          ...deployDesired({ machine, maas }),
          incarnation: incarnation.hex,
          userData: userDataOfMachine,
          sentUserData: pulumi.secret(sent),
          commissioning: pulumi.output(commission),
        },
      },
      { ...parent, dependsOn: commissioning },
    );

    this.nodes = { hostKey, incarnation, enlistment, commissioning, deployment };
    this.access = {
      name: machine.name,
      // A fixed address is known at preview; through the URN it still waits for the deployment.
      address: address ? pulumi.all([address, deployment.urn]).apply(([known]) => known) : observed(deployStep, deployment).address,
      port: ssh.port,
      user: ssh.user,
      privateKey: pulumi.secret(args.deployKey.privateKeyOpenssh),
      hostKey: hostKey.publicKeyOpenssh.apply((key) => key.trim()),
      incarnation: incarnation.hex,
      deployed: pulumi.all([incarnation.hex, deployment.urn]).apply(([id]) => id),
      resource: deployment,
    };
    this.registerOutputs({ address: this.access.address, hostKey: this.access.hostKey, port: ssh.port, user: ssh.user });
  }
}

/** Nothing where it is the same text. */
function differing(text: string, from: string): string | undefined {
  return text === from ? undefined : text;
}

/** @throws UserError where it cannot be known which machine is meant */
function checkIdentity({ name, macAddresses, compose }: { name: string; macAddresses: readonly string[]; compose?: object }): void {
  if (macAddresses.length > 0 === (compose !== undefined)) {
    throw new UserError({
      path: name,
      message: compose ? "has both macAddresses and compose" : "has neither macAddresses nor compose",
      allowed: "macAddresses for a machine that exists, compose for a virtual one that MAAS makes",
      fix: "give one of them",
    });
  }
}

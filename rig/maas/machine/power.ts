/** Power through the hardware: which machines MAAS can switch, what happens when it cannot. */
import { type Boot, type HardwareMachine, PowerError } from "../../hardware";
import type { Faults } from "../faults";
import { crashed, unreachable } from "../http/answers";
import type { Node, User } from "../state/model";
import type { Watchdog, World } from "../world";
import { parseCidr } from "./addresses";
import type { Events } from "./events";
import type { NodeNetwork } from "./network";
import { scriptsToRun } from "./script-runs";
import type { ScriptSets } from "./script-sets";
import { Status } from "./status";

interface Needs extends World {
  network: NodeNetwork;
  events: Events;
  scripts: ScriptSets;
  faults: Faults;
  lifecycle: Watchdog;
}

export class Power {
  constructor(private readonly maas: Needs) {}

  /** MAAS switches it itself. */
  isControlled(node: Node): boolean {
    return node.powerType !== "manual" && node.powerType !== "";
  }

  hardwareMachine(node: Node): HardwareMachine {
    const { network, tables } = this.maas;
    const gateway = network.defaultGateway(node).gateway_ip ?? undefined;
    return {
      systemId: node.systemId,
      hostname: node.hostname,
      interfaces: network
        .interfacesOf(node)
        .filter((card) => card.type === "physical")
        .map((card) => {
          const link = network.links(card).find((row) => row.ip);
          const subnet = tables.subnets.find((row) => row.id === link?.subnetId);
          const prefix = subnet && parseCidr(subnet.cidr)?.prefix;
          return {
            name: card.name,
            macAddress: card.macAddress,
            ...(link?.ip && subnet
              ? {
                  address: `${link.ip}/${prefix}`,
                  gateway,
                  nameServers: subnet.dnsServers.length > 0 ? subnet.dnsServers : gateway ? [gateway] : [],
                }
              : {}),
          };
        }),
    };
  }

  /** For machines without a power type MAAS has nothing to do; it finds out late, and crashes. */
  requirePowerType(node: Node): void {
    if (node.powerType === "") throw crashed("Unconfigured power type. Please configure the power type and try again.");
  }

  /** The 503 of a BMC that no rack reaches, with its event. */
  requireReachable(node: Node, user?: User, asked = false): void {
    if (!this.isControlled(node) || this.maas.racksConnected) return;
    const who = user ? `(${user.username}) - ` : "";
    const message = `No rack controllers can access the BMC of node ${node.hostname}`;
    this.maas.events.add(node, "Failed to query node's BMC", "WARNING", `${who}${message}`, user?.username);
    throw unreachable(message, asked);
  }

  /** Machines without a BMC wait for somebody to press the button. */
  private async operatorPresses(): Promise<boolean> {
    return this.maas.options.operator !== "absent";
  }

  async on(node: Node, wanted: Boot): Promise<void> {
    const runs = wanted.kind === "ephemeral" && (wanted.purpose === "commissioning" || wanted.purpose === "testing");
    const boot = runs ? { ...wanted, scripts: scriptsToRun(this.maas, node, wanted.purpose as "commissioning" | "testing") } : wanted;
    this.maas.boots.set(node.systemId, boot);
    if (!this.isControlled(node)) {
      if (!(await this.operatorPresses())) return;
      await this.maas.hardware.powerOn(this.hardwareMachine(node), boot);
      return;
    }
    this.maas.faults.beforePower(node, "on");
    await this.maas.hardware.powerOn(this.hardwareMachine(node), boot);
    if (boot.kind === "ephemeral" && boot.purpose !== "rescue") this.lookLater(node);
    else await this.query(node);
  }

  /** MAAS does not note the power of such a boot at once; its monitor sees it a little later. */
  lookLater(node: Node): void {
    const timer = setTimeout(() => {
      if (!this.maas.tables.nodes.includes(node)) return;
      this.maas.background(this.query(node).then(() => this.maas.store.flush()));
    }, 1000);
    timer.unref();
  }

  async off(node: Node, { noted = true, mode = "hard" as "hard" | "soft" } = {}): Promise<void> {
    if (!this.isControlled(node)) {
      if (!(await this.operatorPresses())) return;
      await this.maas.hardware.powerOff(this.hardwareMachine(node), mode);
      return;
    }
    this.maas.faults.beforePower(node, "off");
    await this.maas.hardware.powerOff(this.hardwareMachine(node), mode);
    if (noted) await this.query(node);
    else this.lookLater(node);
  }

  /** For `POST /sim/power-button`: boots what MAAS waits for. */
  async press(node: Node): Promise<void> {
    const boot = this.maas.boots.get(node.systemId) ?? { kind: "local" as const };
    const state = await this.maas.hardware.powerState(this.hardwareMachine(node));
    if (state === "on") await this.maas.hardware.powerOff(this.hardwareMachine(node));
    await this.maas.hardware.powerOn(this.hardwareMachine(node), boot);
  }

  seen(node: Node, state: string): void {
    node.powerState = state;
    if (state === "off" && node.previousStatus !== Status.Deployed) this.maas.lifecycle.leftRescue(node);
    this.maas.store.touch();
  }

  async query(node: Node): Promise<string> {
    if (!this.isControlled(node)) return "unknown";
    const state = await this.maas.hardware.powerState(this.hardwareMachine(node));
    if (state !== node.powerState) this.seen(node, state);
    return state;
  }

  /** A power command of a running action failed: MAAS marks the machine failed. */
  failed(node: Node, what: "on" | "off", error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Power ${what} for the node failed: ${reason}`;
    this.maas.events.add(node, `Failed to power ${what} node`, "ERROR", message);
    this.seen(node, error instanceof PowerError ? "error" : node.powerState);
    this.maas.lifecycle.markFailed(node, message);
  }
}

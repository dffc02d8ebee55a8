/** Releasing machines: erasing first where asked for, power off, disk wiped, back to the pool. */
import type { HardwareResult } from "../../hardware";
import type { Faults } from "../faults";
import { crashed } from "../http/answers";
import type { Node } from "../state/model";
import type { Watchdog, World } from "../world";
import type { Events } from "./events";
import { unhost } from "./hosting";
import type { NodeNetwork } from "./network";
import type { Power } from "./power";
import { type ScriptSets, ScriptType } from "./script-sets";
import { changeStatus, Status } from "./status";

export interface EraseOptions {
  erase: boolean;
  secure: boolean;
  quick: boolean;
  scripts: string[];
}

interface Needs extends World {
  network: NodeNetwork;
  events: Events;
  scripts: ScriptSets;
  faults: Faults;
  power: Power;
  lifecycle: Watchdog;
}

export class Releases {
  constructor(private readonly maas: Needs) {}

  /** From here the machine is on its way out; returns what has still to be done after the answer. */
  start(node: Node, options: EraseOptions): () => Promise<void> {
    const canErase =
      options.erase && !node.ephemeralDeploy && [Status.Deployed, Status.FailedDeployment, Status.Deploying].includes(node.status as 6);
    return canErase || options.scripts.length > 0 ? this.startErasing(node, options) : this.startReleasing(node);
  }

  private startErasing(node: Node, options: EraseOptions): () => Promise<void> {
    const { scripts } = this.maas;
    const chosen = this.maas.tables.scripts.filter(
      (row) => row.type === ScriptType.release && (options.scripts.includes(row.name) || (options.erase && row.name === "wipe-disks")),
    );
    const parameters = {
      "wipe-disks": { ...(options.quick ? { quick_erase: "true" } : {}), ...(options.secure ? { secure_erase: "true" } : {}) },
    };
    node.releaseSet = scripts.create(node, ScriptType.release, chosen, parameters).id;
    changeStatus(node, Status.DiskErasing);
    node.expires = this.maas.now() + Number(this.maas.config.node_timeout) * 60_000;
    return async () => {
      this.maas.background(
        this.maas.power.on(node, { kind: "ephemeral", purpose: "erasing" }).catch((error) => this.maas.power.failed(node, "on", error)),
      );
    };
  }

  async erased(node: Node, result: HardwareResult): Promise<void> {
    const forced = this.maas.faults.failure(node, "erasing");
    const set = this.maas.scripts.get(node.releaseSet);
    const passed =
      this.maas.scripts.finish(set, forced ? [{ name: "wipe-disks", exitStatus: 1, stderr: forced }] : result.scripts) && result.ok;
    if (!passed) {
      this.maas.lifecycle.markFailed(node, "Failed to erase disks.");
      return;
    }
    await this.startReleasing(node)().catch((error) => this.maas.power.failed(node, "off", error));
  }

  /** Without a BMC to ask, MAAS takes the machine back at once. */
  private startReleasing(node: Node): () => Promise<void> {
    const before = node.status;
    this.maas.lifecycle.stopClock(node);
    node.acquired = false;
    this.dropDeployment(node);
    this.maas.events.add(node, "Releasing", "INFO");
    changeStatus(node, Status.Releasing);
    if (!this.maas.power.isControlled(node)) {
      this.dropOwner(node);
      this.backToPool(node);
      return async () => {
        this.maas.background(this.cleanUp(node).catch(() => undefined));
      };
    }
    // Releasing has a limit of its own, five minutes.
    node.expires = this.maas.now() + 5 * 60_000;
    return async () => {
      try {
        this.maas.faults.beforePower(node, "off");
      } catch (error) {
        if (before === Status.DiskErasing) throw error;
        // MAAS goes back to the old status, without what it has forgotten by then.
        this.maas.lifecycle.stopClock(node);
        node.status = before;
        throw crashed(error instanceof Error ? error.message : String(error));
      }
      this.maas.background(this.finish(node));
    };
  }

  /** Goes on where the last process ended. */
  resume(node: Node): Promise<void> {
    return this.finish(node);
  }

  private async cleanUp(node: Node): Promise<void> {
    await this.maas.power.off(node);
    await this.maas.hardware.wipe(this.maas.power.hardwareMachine(node));
  }

  private async finish(node: Node): Promise<void> {
    try {
      await this.maas.power.off(node);
      if (node.status !== Status.Releasing) return;
      this.dropOwner(node);
      await this.maas.store.flush();
      await this.maas.hardware.wipe(this.maas.power.hardwareMachine(node));
      if (node.status === Status.Releasing) this.backToPool(node);
    } catch (error) {
      this.maas.power.failed(node, "off", error);
    }
    await this.maas.store.flush();
  }

  private dropDeployment(node: Node): void {
    unhost(this.maas, node);
    Object.assign(node, {
      osystem: "",
      distroSeries: "",
      hweKernel: null,
      netboot: true,
      enableHwSync: false,
      installKvm: false,
      registerVmhost: false,
      locked: false,
      licenseKey: "",
      installation: { userData: null, fetchedUserData: false, vendorData: null },
    });
  }

  private dropOwner(node: Node): void {
    Object.assign(node, { ownerId: null, agentName: "", ownerData: {}, gatewayLinkV4: node.gatewayLinkV4 });
    this.maas.network.releaseAutoAddresses(node);
    this.maas.store.remove("tokens", (token) => token.nodeId === node.systemId);
    this.maas.boots.delete(node.systemId);
    this.maas.events.add(node, "Released", "INFO");
  }

  /** Ready where the last commissioning passed, else New. */
  private backToPool(node: Node): void {
    this.maas.lifecycle.stopClock(node);
    const set = this.maas.scripts.get(node.commissioningSet);
    const commissioned = set !== undefined && this.maas.scripts.summary(set.results) === 2;
    node.status = commissioned ? Status.Ready : Status.New;
    this.maas.store.touch();
  }
}

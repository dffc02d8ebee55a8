/** Commissioning, testing, failures and the watchdog: how a machine moves between its statuses. */
import type { HardwareResult } from "../../hardware";
import type { Faults } from "../faults";
import { conflict } from "../http/answers";
import type { Node, User } from "../state/model";
import type { World } from "../world";
import type { Deployments } from "./deployment";
import type { Events } from "./events";
import { InventoryWriter } from "./inventory";
import type { NodeNetwork } from "./network";
import type { Power } from "./power";
import type { Releases } from "./release";
import { type ScriptSets, ScriptType } from "./script-sets";
import { changeStatus, Status, statusName } from "./status";
import type { StorageLayouts } from "./storage-layouts";
import type { TagRules } from "./tag-rules";

export interface CommissionOptions {
  enableSsh: boolean;
  skipNetworking: boolean;
  skipStorage: boolean;
  commissioningScripts?: string[];
  testingScripts?: string[];
  parameters: Record<string, Record<string, string>>;
}

interface Needs extends World {
  network: NodeNetwork;
  events: Events;
  scripts: ScriptSets;
  layouts: StorageLayouts;
  tagRules: TagRules;
  faults: Faults;
  power: Power;
  deployments: Deployments;
  releases: Releases;
}

/** MAAS's limit for leaving rescue mode. */
const exitRescueMinutes = 5;

export class Lifecycle {
  readonly inventory: InventoryWriter;

  constructor(private readonly maas: Needs) {
    this.inventory = new InventoryWriter(maas);
  }

  /** Minutes of `node_timeout` from now. */
  private startClock(node: Node, minutes = Number(this.maas.config.node_timeout)): void {
    node.expires = this.maas.now() + minutes * 60_000;
  }

  stopClock(node: Node): void {
    node.expires = null;
  }

  /** Everything but the power: the answer is made from this. Returns what has still to be done. */
  startCommissioning(node: Node, user: User, options: CommissionOptions): () => Promise<void> {
    const before = { status: node.status, owner: node.ownerId };
    const { scripts } = this.maas;
    node.commissioningSet = scripts.create(
      node,
      ScriptType.commissioning,
      scripts.commissioningScripts(options.commissioningScripts),
      options.parameters,
    ).id;
    const tests = scripts.testingScripts(options.testingScripts);
    const testing = scripts.create(node, ScriptType.testing, tests, options.parameters);
    if (tests.length > 0) node.testingSet = testing.id;
    else this.clearPendingTests(node);
    node.enableSsh = options.enableSsh;
    node.skipNetworking = options.skipNetworking;
    node.skipStorage = options.skipStorage;
    if (!options.skipStorage) this.maas.layouts.clear(node);
    if (!options.skipNetworking) for (const card of this.maas.network.interfacesOf(node)) this.maas.network.removeLinks(card);
    changeStatus(node, Status.Commissioning);
    node.ownerId = user.id;
    this.startClock(node);
    this.maas.events.add(node, "Commissioning", "INFO");
    return async () => {
      try {
        this.maas.power.requireReachable(node, user);
      } catch (error) {
        this.maas.events.add(
          node,
          "Failed to query node's BMC",
          "WARNING",
          `(${user.username}) - Aborting COMMISSIONING and reverting to ${statusName(before.status).toUpperCase()}. Unable to power control the node. Please check power credentials.`,
        );
        node.status = before.status;
        this.stopClock(node);
        for (const id of [node.commissioningSet, node.testingSet]) scripts.abort(scripts.get(id));
        throw error;
      }
      await this.maas.power
        .on(node, { kind: "ephemeral", purpose: "commissioning" })
        .catch((error) => this.maas.power.failed(node, "on", error));
    };
  }

  /** Tests that never ran say nothing about the machine any more. */
  private clearPendingTests(node: Node): void {
    this.maas.scripts.abort(this.maas.scripts.get(node.testingSet));
  }

  startTesting(
    node: Node,
    user: User,
    testingScripts: string[] | undefined,
    enableSsh: boolean,
    parameters: Record<string, Record<string, string>>,
  ): () => Promise<void> {
    const { scripts } = this.maas;
    changeStatus(node, Status.Testing);
    node.testingSet = scripts.create(node, ScriptType.testing, scripts.testingScripts(testingScripts), parameters).id;
    node.enableSsh = enableSsh;
    node.ownerId ??= user.id;
    this.startClock(node);
    this.maas.events.add(node, "Testing", "INFO");
    return () =>
      this.maas.power.on(node, { kind: "ephemeral", purpose: "testing" }).catch((error) => this.maas.power.failed(node, "on", error));
  }

  /** The hardware reports that what it booted has ended. */
  async onResult(systemId: string, result: HardwareResult): Promise<void> {
    const node = this.maas.tables.nodes.find((row) => row.systemId === systemId);
    if (!node) return;
    const purpose = result.boot.kind === "ephemeral" ? result.boot.purpose : result.boot.kind;
    if (purpose === "commissioning" && node.status === Status.Commissioning) await this.commissioned(node, result);
    else if (purpose === "testing" && node.status === Status.Testing) await this.tested(node, result);
    else if (purpose === "erasing" && node.status === Status.DiskErasing) await this.maas.releases.erased(node, result);
    else if (purpose === "rescue" && node.status === Status.EnteringRescueMode) this.rescued(node, result);
    else if (purpose === "deploy" && !result.ok && node.status === Status.Deploying) this.maas.deployments.failed(node, result.error);
    await this.maas.store.flush();
  }

  private async commissioned(node: Node, result: HardwareResult): Promise<void> {
    const { scripts, network, layouts } = this.maas;
    if (this.maas.faults.isStuck(node, "commissioning")) return;
    const forced = this.maas.faults.failure(node, "commissioning");
    const outcomes = forced
      ? [...(result.scripts ?? []), { name: "50-maas-01-commissioning", exitStatus: 1, stderr: forced }]
      : result.scripts;
    const found = (await this.maas.hardware.inventory?.(this.maas.power.hardwareMachine(node))) ?? {};
    if (node.status !== Status.Commissioning) return;
    const first = !node.storageConfigured;
    this.inventory.apply(node, found, { networking: !node.skipNetworking, storage: !node.skipStorage });
    const passed = scripts.finish(scripts.get(node.commissioningSet), outcomes) && result.ok;
    if (!node.skipNetworking || first) network.setInitialLinks(node);
    if (!node.skipStorage || first) layouts.apply(node, String(this.maas.config.default_storage_layout));
    node.storageConfigured = true;
    this.stopClock(node);
    const testing = scripts.get(node.testingSet);
    const tests = testing?.results.filter((row) => row.status === 0) ?? [];
    if (!passed) {
      scripts.abort(testing);
      if (tests.length > 0) this.forgetTests(node);
      changeStatus(node, Status.FailedCommissioning);
      this.maas.events.add(node, "Failed commissioning", "ERROR", "", "unknown", "");
      await this.powerDown(node);
      return;
    }
    this.maas.tagRules.apply(node);
    if (tests.length > 0) {
      changeStatus(node, Status.Testing);
      node.previousStatus = Status.Ready;
      return this.tested(node, { ...result, scripts: outcomes });
    }
    await this.becomeReady(node);
  }

  private forgetTests(node: Node): void {
    const set = this.maas.scripts.get(node.testingSet);
    if (set) for (const row of set.results) row.suppressed = true;
  }

  private async tested(node: Node, result: HardwareResult): Promise<void> {
    const forced = this.maas.faults.failure(node, "testing");
    const set = this.maas.scripts.get(node.testingSet);
    const outcomes = forced ? (set?.results ?? []).map((row) => ({ name: row.name, exitStatus: 1, stderr: forced })) : result.scripts;
    const passed = this.maas.scripts.finish(set, outcomes) && result.ok;
    this.stopClock(node);
    if (!passed) {
      changeStatus(node, Status.FailedTesting);
      this.maas.events.add(node, "Failed testing", "ERROR");
      await this.powerDown(node);
      return;
    }
    const back: number = node.previousStatus;
    if (back === Status.Deployed || back === Status.Allocated || back === Status.Broken) {
      node.status = back;
      await this.powerDown(node);
      return;
    }
    await this.becomeReady(node);
  }

  private async becomeReady(node: Node): Promise<void> {
    changeStatus(node, Status.Ready);
    node.ownerId = null;
    this.maas.events.add(node, "Ready", "INFO");
    await this.powerDown(node);
  }

  /** After an ephemeral run the machine is switched off, unless the user wants to look around in it. */
  private async powerDown(node: Node): Promise<void> {
    if (node.enableSsh && this.maas.power.isControlled(node)) return;
    await this.maas.power
      .off(node)
      .catch((error) => this.maas.events.add(node, "Failed to power off node", "ERROR", String(error.message ?? error)));
  }

  private rescued(node: Node, result: HardwareResult): void {
    changeStatus(node, result.ok ? Status.RescueMode : Status.FailedEnteringRescueMode);
    this.maas.events.add(node, result.ok ? "Rescue mode" : "Failed to enter rescue mode", result.ok ? "INFO" : "ERROR");
    this.maas.store.touch();
  }

  /** The failed status that belongs to the running one, with the reason and its event. */
  markFailed(node: Node, reason: string): void {
    const failed: Record<number, number> = {
      [Status.Commissioning]: Status.FailedCommissioning,
      [Status.Testing]: Status.FailedTesting,
      [Status.Deploying]: Status.FailedDeployment,
      [Status.Releasing]: Status.FailedReleasing,
      [Status.DiskErasing]: Status.FailedDiskErasing,
      [Status.EnteringRescueMode]: Status.FailedEnteringRescueMode,
      [Status.ExitingRescueMode]: Status.FailedExitingRescueMode,
    };
    const status = failed[node.status];
    if (status === undefined) return;
    changeStatus(node, status);
    node.errorDescription = reason;
    this.stopClock(node);
    for (const id of [node.commissioningSet, node.testingSet, node.installationSet, node.releaseSet])
      this.maas.scripts.abort(this.maas.scripts.get(id));
    this.maas.events.add(node, "Marking node failed", "ERROR", reason, "unknown", "mark_failed");
  }

  /** `abort`: what runs is stopped; the answer of MAAS still shows the old status. */
  startAbort(node: Node): () => Promise<void> {
    const to: Record<number, [status: number, event: string]> = {
      [Status.Commissioning]: [node.previousStatus === Status.Ready ? Status.Ready : Status.New, "Aborted commissioning"],
      [Status.Testing]: [node.previousStatus, "Aborted testing"],
      [Status.Deploying]: [Status.Allocated, "Aborted deployment"],
      [Status.DiskErasing]: [Status.FailedDiskErasing, "Aborted disk erasing"],
    };
    const target = to[node.status];
    if (!target) throw conflict(`Cannot abort in current state: node ${node.systemId} is in state ${statusName(node.status)}.`);
    this.maas.events.add(node, target[1], "INFO");
    if (node.status === Status.Commissioning) node.ownerId = null;
    return async () => {
      await this.maas.power.off(node, { noted: false }).catch(() => undefined);
      this.stopClock(node);
      this.maas.scripts.abort(this.maas.scripts.get(node.commissioningSet));
      this.maas.scripts.abort(this.maas.scripts.get(node.testingSet));
      node.status = target[0];
      if (target[0] === Status.Allocated) this.maas.deployments.forget(node);
      else if (target[0] === Status.Ready || target[0] === Status.New) node.ownerId = null;
    };
  }

  startRescue(node: Node, user: User): () => Promise<void> {
    const before = node.status;
    changeStatus(node, Status.EnteringRescueMode);
    node.previousStatus = before;
    node.ownerId ??= user.id;
    this.maas.events.add(node, "Entering rescue mode", "INFO");
    this.startClock(node);
    return () =>
      this.maas.power.on(node, { kind: "ephemeral", purpose: "rescue" }).catch((error) => this.maas.power.failed(node, "on", error));
  }

  /**
   * MAAS switches off machines that were Ready or Broken, and restarts deployed ones. All others keep running, and are
   * back only once somebody has switched them off; after some minutes MAAS gives up on them.
   */
  startExitRescue(node: Node): () => Promise<void> {
    const { power } = this.maas;
    const before: number = node.previousStatus;
    changeStatus(node, Status.ExitingRescueMode);
    if (!power.isControlled(node)) {
      return async () => {
        this.leaveRescue(node);
        this.maas.background(power.off(node));
      };
    }
    this.startClock(node, exitRescueMinutes);
    const leave = async () => {
      if (before === Status.Deployed) {
        await power.off(node);
        await power.on(node, { kind: "local" });
        this.leftRescue(node);
      } else if (before === Status.Ready || before === Status.Broken) {
        await power.off(node);
      }
      await this.maas.store.flush();
    };
    return async () => {
      this.maas.background(leave().catch((error) => power.failed(node, "off", error)));
    };
  }

  /** The power of a machine that leaves rescue mode is what MAAS waited for. */
  leftRescue(node: Node): void {
    if (node.status !== Status.ExitingRescueMode) return;
    this.leaveRescue(node);
    this.maas.events.add(node, "Exited rescue mode", "INFO");
  }

  private leaveRescue(node: Node): void {
    this.stopClock(node);
    node.status = node.previousStatus;
    if (node.status !== Status.Deployed) node.ownerId = null;
    this.maas.store.touch();
  }

  /** Gives up on machines whose time is over. */
  watchdog(): void {
    const names: Record<number, string> = {
      [Status.Commissioning]: "Commissioning",
      [Status.Testing]: "Testing",
      [Status.Deploying]: "Deploying",
      [Status.Releasing]: "Releasing",
      [Status.DiskErasing]: "Disk erasing",
      [Status.EnteringRescueMode]: "Entering rescue mode",
      [Status.ExitingRescueMode]: "Exiting rescue mode",
    };
    for (const node of this.maas.tables.nodes) {
      if (node.expires === null || node.expires > this.maas.now()) continue;
      node.expires = null;
      const what = names[node.status];
      if (!what) continue;
      const minutes =
        node.status === Status.Releasing || node.status === Status.ExitingRescueMode ? 5 : Number(this.maas.config.node_timeout);
      this.markFailed(node, `Node operation '${what}' timed out after ${minutes} minutes.`);
      this.maas.background(this.maas.store.flush());
    }
  }
}

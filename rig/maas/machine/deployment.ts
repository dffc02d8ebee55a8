/** Allocation, deployment, and what the deployed machine reports about itself. */
import type { MetadataAccess } from "../../hardware";
import type { Faults } from "../faults";
import { crashed } from "../http/answers";
import type { Node, User } from "../state/model";
import { newToken } from "../state/seed";
import type { Watchdog, World } from "../world";
import type { Events } from "./events";
import { hostOf } from "./hosting";
import type { NodeNetwork } from "./network";
import type { Power } from "./power";
import { ResultStatus, type ScriptSets, ScriptType } from "./script-sets";
import { changeStatus, Status } from "./status";

export interface DeployOptions {
  osystem: string;
  distroSeries: string;
  hweKernel: string | null;
  userData: string | null;
  vendorData?: string | null;
  ephemeral: boolean;
  installKvm: boolean;
  registerVmhost: boolean;
  hwSync: boolean;
  crashDump: boolean;
}

interface Needs extends World {
  network: NodeNetwork;
  events: Events;
  scripts: ScriptSets;
  faults: Faults;
  power: Power;
  lifecycle: Watchdog;
}

export class Deployments {
  constructor(private readonly maas: Needs) {}

  acquire(node: Node, user: User, agentName = ""): void {
    changeStatus(node, Status.Allocated);
    node.ownerId = user.id;
    node.agentName = agentName;
    node.acquired = true;
    this.maas.store.touch();
  }

  /** Takes the machine's addresses and status; the power comes after the answer, as in MAAS. */
  start(node: Node, options: DeployOptions): () => Promise<void> {
    if (this.maas.power.isControlled(node) && !this.maas.racksConnected) {
      this.maas.events.add(
        node,
        "Failed to query node's BMC",
        "WARNING",
        `(${this.ownerName(node)}) - No rack controllers can access the BMC of node ${node.hostname}`,
        this.ownerName(node),
        "Failed to query node's BMC",
      );
      throw crashed(`Error determining BMC task queue for machine ${node.systemId}`);
    }
    changeStatus(node, Status.Deploying);
    Object.assign(node, {
      osystem: options.osystem,
      distroSeries: options.distroSeries,
      hweKernel: options.hweKernel,
      ephemeralDeploy: options.ephemeral,
      installKvm: options.installKvm,
      registerVmhost: options.registerVmhost,
      enableHwSync: options.hwSync,
      enableKernelCrashDump: options.crashDump,
      errorDescription: node.errorDescription,
      installation: { userData: options.userData, fetchedUserData: false, vendorData: options.vendorData ?? null },
    });
    if (!options.ephemeral) {
      const set = this.maas.scripts.create(node, ScriptType.installation, []);
      this.maas.scripts.addResult(set, "/tmp/install.log");
      node.installationSet = set.id;
    }
    node.expires = this.maas.now() + Number(this.maas.config.node_timeout) * 60_000;
    this.maas.events.add(node, "Deploying", "INFO");
    return async () => {
      const boot = async () => {
        if (!this.maas.network.claimAutoAddresses(node)) throw new Error("No more IPs available in the subnet of an interface");
        this.otherAddress(node);
        await this.maas.store.flush();
        await this.maas.power.on(node, {
          kind: "deploy",
          operatingSystem: node.osystem || String(this.maas.config.default_osystem),
          release: node.distroSeries || String(this.maas.config.default_distro_series),
          metadata: this.metadataAccess(node),
        });
        if (this.maas.faults.isStuck(node, "deployment")) this.maas.events.add(node, "Loading ephemeral", "DEBUG");
        await this.maas.store.flush();
      };
      this.maas.background(boot().catch((error) => this.bootFailed(node, error)));
    };
  }

  private async bootFailed(node: Node, error: unknown): Promise<void> {
    if (node.status === Status.Deploying) this.maas.power.failed(node, "on", error);
    await this.maas.store.flush();
  }

  /** For the fault of that name. */
  private otherAddress(node: Node): void {
    const address = this.maas.faults.otherAddress(node);
    const link =
      address &&
      this.maas.network
        .interfacesOf(node)
        .flatMap((card) => this.maas.network.links(card))
        .find((row) => row.ip);
    if (link) link.ip = address;
  }

  private ownerName(node: Node): string {
    return this.maas.tables.users.find((row) => row.id === node.ownerId)?.username ?? "admin";
  }

  /** The machine's own key: made once, it opens nothing but this machine's metadata. */
  metadataAccess(node: Node): MetadataAccess {
    const { store, tables } = this.maas;
    const token = tables.tokens.find((row) => row.nodeId === node.systemId) ?? newToken(store, node.systemId, { nodeId: node.systemId });
    const base = this.maas.metadataBase();
    return {
      metadataUrl: `${base}/MAAS/metadata/`,
      statusUrl: `${base}/MAAS/metadata/status/${node.systemId}`,
      consumerKey: token.consumerKey,
      tokenKey: token.tokenKey,
      tokenSecret: token.tokenSecret,
    };
  }

  /** The installed system has asked for its user data: from here on it boots its own disk. */
  installed(node: Node): void {
    if (node.installation.fetchedUserData) return;
    node.installation.fetchedUserData = true;
    node.netboot = false;
    const set = this.maas.scripts.get(node.installationSet);
    if (set?.results.some((row) => row.status === ResultStatus.pending)) this.maas.scripts.finish(set);
    this.maas.store.touch();
  }

  succeeded(node: Node): void {
    if (node.status !== Status.Deploying || this.maas.faults.isStuck(node, "deployment")) return;
    const forced = this.maas.faults.failure(node, "deployment");
    if (forced) {
      this.failed(node, forced);
      return;
    }
    this.installed(node);
    const architecture = node.architecture ?? "amd64/generic";
    this.maas.events.add(node, "Image Deployed", "INFO", `deployed ${node.osystem}/${node.distroSeries}/${architecture}`);
    hostOf(this.maas, node);
    changeStatus(node, Status.Deployed);
    this.maas.lifecycle.stopClock(node);
    const stamp = this.maas.timestamp().replace("Z", "");
    for (const image of this.maas.tables.bootResources) {
      const [arch] = architecture.split("/");
      if (image.name === `${node.osystem}/${node.distroSeries}` && String(image.architecture).startsWith(`${arch}/`))
        image.lastDeployed = stamp;
    }
    this.maas.events.add(node, "Deployed", "INFO");
  }

  /** A log that the machine sends with a report: a result of the installation, by its path. */
  keepLog(node: Node, path: string, text: string, failed: boolean): void {
    const set = this.maas.scripts.get(node.installationSet);
    if (!set) return;
    if (!set.results.some((row) => row.name === path)) this.maas.scripts.addResult(set, path);
    const row = set.results.find((each) => each.name === path)!;
    const now = this.maas.timestamp();
    Object.assign(row, {
      output: text,
      stdout: text,
      stderr: "",
      exitStatus: failed ? 1 : 0,
      started: row.started ?? now,
      ended: now,
      updated: now,
    });
    row.status = failed ? ResultStatus.failed : ResultStatus.passed;
    this.maas.store.touch();
  }

  failed(node: Node, reason?: string): void {
    if (node.status !== Status.Deploying) return;
    const set = this.maas.scripts.get(node.installationSet);
    if (set && reason) this.maas.scripts.finish(set, [{ name: "/tmp/install.log", exitStatus: 1, stderr: `${reason}\n` }]);
    this.maas.lifecycle.markFailed(node, "Installation failed (refer to the installation log for more information).");
  }

  /** After an abort: nothing of the deployment is left. */
  forget(node: Node): void {
    Object.assign(node, { osystem: node.osystem, netboot: true });
    this.maas.store.touch();
  }
}

/** The region: its database, its hardware, and the parts that act on them. */
import type { Boot, Hardware } from "../hardware";
import { Faults } from "./faults";
import { notFound } from "./http/answers";
import { Deployments } from "./machine/deployment";
import { Events } from "./machine/events";
import { unhost } from "./machine/hosting";
import { Lifecycle } from "./machine/lifecycle";
import { NodeNetwork } from "./machine/network";
import { Power } from "./machine/power";
import { Releases } from "./machine/release";
import { ScriptSets } from "./machine/script-sets";
import { StorageLayouts } from "./machine/storage-layouts";
import { TagRules } from "./machine/tag-rules";
import { labProfile, type MaasOptions } from "./options";
import { NetworkRenderer } from "./render/network";
import { NodeRenderer } from "./render/node";
import { StorageRenderer } from "./render/storage";
import type { Domain, Node, Tables, User } from "./state/model";
import { seed } from "./state/seed";
import { Store } from "./state/store";
import type { World } from "./world";

export class Maas implements World {
  readonly store: Store;
  readonly hardware: Hardware;
  readonly network = new NodeNetwork(this);
  readonly layouts: StorageLayouts = new StorageLayouts(this);
  readonly scripts = new ScriptSets(this);
  readonly tagRules = new TagRules(this);
  readonly power: Power = new Power(this);
  readonly faults = new Faults(this);
  readonly lifecycle: Lifecycle = new Lifecycle(this);
  readonly deployments: Deployments = new Deployments(this);
  readonly releases: Releases = new Releases(this);
  readonly events: Events;
  readonly render: { network: NetworkRenderer; storage: StorageRenderer; node: NodeRenderer } = {
    network: new NetworkRenderer(this),
    storage: new StorageRenderer(this),
    node: new NodeRenderer(this),
  };
  /** What each machine boots into when it is switched on next. */
  readonly boots = new Map<string, Boot>();
  /** Where the server listens; set by it. */
  listening = "http://127.0.0.1:5240";
  /** Answered so far, for benchmarks. */
  requests = 0;
  private readonly running = new Set<Promise<unknown>>();

  constructor(readonly options: MaasOptions) {
    const profile = options.profile ?? labProfile;
    this.options.profile = profile;
    const existing = options.stateDirectory ? Store.read(options.stateDirectory) : undefined;
    this.store = existing ? new Store(existing, options.stateDirectory) : seed(profile, options.stateDirectory, this.now());
    this.hardware = options.hardware;
    this.events = new Events(this);
    this.hardware.onResult((systemId, result) => this.background(this.lifecycle.onResult(systemId, result)));
  }

  get tables(): Tables {
    return this.store.tables;
  }

  get config(): Record<string, unknown> {
    return this.store.database.config;
  }

  get racksConnected(): boolean {
    return this.options.profile?.rack?.connected === true && !this.faults.noRack();
  }

  now(): number {
    return this.options.now?.() ?? Date.now();
  }

  timestamp(): string {
    return new Date(this.now()).toISOString();
  }

  metadataBase(): string {
    return this.options.metadataBase ?? this.listening;
  }

  /** Work that goes on after the answer; `idle` waits for it. */
  background(work: Promise<unknown>): void {
    const tracked = work.catch((error) => console.error("maas simulator:", error)).finally(() => this.running.delete(tracked));
    this.running.add(tracked);
  }

  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  /** A node of one of the given types, or the 404 with the model's name (or that of what was looked for on it). */
  node(
    systemId: string,
    model: "Machine" | "Device" | "Node" | "RackController" | "RegionController" = "Node",
    missing: string = model,
  ): Node {
    const types = { Machine: [0], Device: [1], Node: [0, 1, 2, 3], RackController: [2], RegionController: [3] }[model];
    const found = this.tables.nodes.find((row) => row.systemId === systemId && types.includes(row.nodeType));
    if (!found) throw notFound(missing);
    return found;
  }

  machines(): Node[] {
    return this.tables.nodes.filter((row) => row.nodeType === 0);
  }

  /** Free machines and one's own; admins see all. */
  visible(node: Node, user: User): boolean {
    return user.isSuperuser || node.ownerId === null || node.ownerId === user.id;
  }

  /** Machines without a domain of their own get this one. */
  get defaultDomain(): Domain {
    const { domains } = this.tables;
    return domains.find((row) => row.id === this.store.database.defaultDomainId) ?? domains[0]!;
  }

  set defaultDomain(domain: Domain) {
    this.store.database.defaultDomainId = domain.id;
    this.store.touch();
  }

  dnsRecordCount(domain: Domain): number {
    const names = this.tables.dnsResources.filter((row) => row.domainId === domain.id);
    const addresses = names.flatMap((row) => row.ipIds);
    return new Set(addresses).size + this.tables.dnsRecords.filter((row) => names.some(({ id }) => id === row.resourceId)).length;
  }

  removeNode(node: Node): void {
    if (node.podId !== null && this.hardware.decompose) {
      this.background(this.hardware.decompose(this.power.hardwareMachine(node)));
    }
    for (const card of this.network.interfacesOf(node)) this.network.removeInterface(card);
    const mine = (row: { nodeId: string }) => row.nodeId === node.systemId;
    for (const table of ["blockDevices", "filesystemGroups", "cacheSets", "scriptSets"] as const) this.store.remove(table, mine as never);
    unhost(this, node);
    this.store.remove("tokens", (row) => row.nodeId === node.systemId);
    this.events.forget(node);
    this.boots.delete(node.systemId);
    this.store.remove("nodes", (row) => row.systemId === node.systemId);
  }
}

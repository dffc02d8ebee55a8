/** What every part of the region works with. It names no part: which others a part needs, its constructor says; maas.ts alone builds them. */
import type { Boot, Hardware } from "../hardware";
import type { MaasOptions } from "./options";
import type { Domain, Node, Tables } from "./state/model";
import type { Store } from "./state/store";

export interface World {
  readonly store: Store;
  readonly tables: Tables;
  readonly config: Record<string, unknown>;
  readonly options: MaasOptions;
  readonly hardware: Hardware;
  /** What each machine boots into when it is switched on next, by system id. */
  readonly boots: Map<string, Boot>;
  readonly racksConnected: boolean;
  /** Machines without a domain get this one. */
  readonly defaultDomain: Domain;
  /** Milliseconds since 1970. */
  now(): number;
  /** The same as ISO 8601 in UTC. */
  timestamp(): string;
  /** Scheme, host and port of the metadata service. */
  metadataBase(): string;
  /** Work that goes on after the answer. */
  background(work: Promise<unknown>): void;
  machines(): Node[];
  /** With everything that belongs to it. */
  removeNode(node: Node): void;
  dnsRecordCount(domain: Domain): number;
}

/** The end of what a machine was doing, told by the parts that find it out. */
export interface Watchdog {
  stopClock(node: Node): void;
  /** The failed status that belongs to the running one, with its reason. */
  markFailed(node: Node, reason: string): void;
  /** A machine that is leaving rescue mode has been seen off. */
  leftRescue(node: Node): void;
}

/** The event log; a machine's `status_message` is its last event that is not for debugging. */
import type { Event, Node } from "../state/model";
import type { World } from "../world";

export const levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type Level = (typeof levels)[number] | "AUDIT";
/** Kept at most; the oldest go first. */
const limit = 20_000;

export class Events {
  /** The last event above DEBUG of each machine, and its action. */
  private readonly last = new Map<string, { message: string; action: string }>();

  constructor(private readonly maas: World) {
    for (const event of maas.tables.events) this.remember(event);
  }

  add(node: Node, type: string, level: Level, description = "", username = "unknown", action = ""): void {
    const event = {
      id: this.maas.store.nextId("events"),
      nodeId: node.systemId,
      type,
      level,
      description,
      username,
      created: this.maas.timestamp(),
      action,
    };
    this.maas.store.insert("events", event);
    this.remember(event);
    const { events } = this.maas.tables;
    if (events.length > limit) events.splice(0, events.length - limit);
  }

  private remember(event: Event & { action?: string }): void {
    if (event.level === "DEBUG" || event.level === "AUDIT") return;
    const message = event.description ? `${event.type} - ${event.description}` : event.type;
    this.last.set(event.nodeId, { message, action: event.action ?? "" });
  }

  status(node: Node): { message: string | null; action: string | null } {
    return this.last.get(node.systemId) ?? { message: null, action: null };
  }

  forget(node: Node): void {
    this.last.delete(node.systemId);
    this.maas.store.remove("events", (event) => event.nodeId === node.systemId);
  }
}

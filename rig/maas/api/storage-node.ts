/** What the storage endpoints share: the machine that a request is about, and sizes. */
import { ApiError } from "../http/answers";
import type { Context } from "../http/context";
import { Status } from "../machine/status";
import type { Node } from "../state/model";

const groups: Record<string, string> = { raid: "RAID", bcache: "Bcache", "volume-group": "VolumeGroup", "volume-groups": "VolumeGroup" };

/** What MAAS misses where the machine is not there: it looks for the thing itself, by both ids. */
function missing(context: Context): string {
  if (context.parameter("device")) return "BlockDevice";
  const collection = context.request.path.split("/").at(-3);
  return (context.parameter("id") && groups[collection ?? ""]) || "Machine";
}

export function storageNode(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"), "Node", missing(context));
  context.requirePermission(context.maas.visible(node, context.user));
  return node;
}

/** Disks can be laid out while the machine is nobody's, file systems also by its owner. */
export function changeableStorage(context: Context, ownerMay = false): Node {
  const node = context.maas.node(context.parameter("system_id"), "Node", missing(context));
  context.requirePermission(!node.locked && (context.isAdmin || (ownerMay && node.ownerId === context.user.id)));
  const states: number[] = ownerMay ? [Status.Ready, Status.Allocated] : [Status.Ready, Status.Allocated, Status.New, Status.Broken];
  if (!states.includes(node.status)) throw new ApiError(409, "Cannot modify storage because the machine is not Ready or Allocated.");
  return node;
}

/** `10G` and the like, in powers of ten; NaN for what is no size. */
export function parseSize(value: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTPE]?)(i?)B?$/i.exec(value.trim());
  if (!match) return Number.NaN;
  const power = " KMGTPE".indexOf(match[2]!.toUpperCase() || " ");
  return Math.floor(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
}

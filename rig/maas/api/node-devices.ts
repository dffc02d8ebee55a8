/** `nodes/{id}/devices/`: what commissioning found on the buses of a machine; the simulated ones have network cards there. */
import { badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";
import type { Interface, Node } from "../state/model";

const buses = ["PCIE", "USB"];
const NETWORK = 4;

function visibleNode(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"));
  context.requirePermission(context.maas.visible(node, context.user));
  return node;
}

/** The cards that commissioning named; a device has its card's id. */
const cardsOf = (context: Context, node: Node): Interface[] =>
  context.maas.network.interfacesOf(node).filter((card) => card.type === "physical" && card.vendor !== null && !card.deviceRemoved);

function show(context: Context, node: Node, card: Interface) {
  const place = context.maas.network.interfacesOf(node).indexOf(card) + 1;
  return {
    id: card.id,
    system_id: node.systemId,
    bus: 1,
    bus_name: "PCIE",
    bus_number: place,
    device_number: 0,
    pci_address: `0000:${String(place).padStart(4, "0")}:00.0`,
    hardware_type: NETWORK,
    hardware_type_name: "Network",
    vendor_id: "8086",
    product_id: "1563",
    vendor_name: card.vendor,
    product_name: card.product,
    commissioning_driver: "ixgbe",
    numa_node: card.numaNode,
    physical_interface: context.maas.render.network.interface(card),
    physical_blockdevice: null,
    resource_uri: `/MAAS/api/2.0/nodes/${node.systemId}/devices/${card.id}/`,
  };
}

const filters = ["vendor_id", "product_id", "vendor_name", "product_name", "commissioning_driver"] as const;

function list(context: Context) {
  const node = visibleNode(context);
  const bus = context.query.get("bus")?.toUpperCase();
  if (bus !== undefined && !buses.includes(bus)) throw badRequest("Bus must be PCIE or USB!");
  if (bus === "USB") return [];
  return cardsOf(context, node)
    .map((card) => show(context, node, card))
    .filter((device) => filters.every((name) => !context.query.has(name) || context.query.get(name) === device[name]));
}

function find(context: Context, node: Node): Interface {
  const card = cardsOf(context, node).find((row) => String(row.id) === context.parameter("id"));
  if (!card) throw notFound("NodeDevice");
  return card;
}

function remove(context: Context) {
  context.requireAdmin();
  const node = visibleNode(context);
  const card = find(context, node);
  card.deviceRemoved = true;
  context.maas.store.touch();
  return deleted();
}

export const nodeDeviceEndpoints: Endpoint<Context>[] = [
  { path: "nodes/{system_id}/devices/", operations: { GET: list } },
  {
    path: "nodes/{system_id}/devices/{id}/",
    operations: {
      GET: (context) => {
        const node = visibleNode(context);
        return show(context, node, find(context, node));
      },
      DELETE: remove,
    },
  },
];

/** The filters of node listings; also part of what `allocate` takes. */
import type { Context } from "../http/context";
import { Form, formErrors, invalidChoice, isMac } from "../http/forms";
import type { Fields } from "../http/request";
import { statusByFilterName } from "../machine/status";
import type { Node } from "../state/model";

const known = [
  "id",
  "hostname",
  "mac_address",
  "domain",
  "zone",
  "pool",
  "agent_name",
  "status",
  "tags",
  "not_tags",
  "arch",
  "not_in_zone",
  "not_in_pool",
  "fabrics",
  "not_fabrics",
  "vlans",
  "not_vlans",
  "subnets",
  "not_subnets",
  "link_speed",
  "cpu_count",
  "mem",
  "pod",
  "not_pod",
  "pod_type",
  "not_pod_type",
  "parent",
  "workloads",
];
const split = (values: string[]) =>
  values
    .flatMap((value) => value.split(","))
    .map((value) => value.trim())
    .filter(Boolean);

/** Names that are not there, in MAAS's words. */
function requireKnown(form: Form, field: string, wanted: string[], rows: { name: string }[], quoted = false): void {
  const missing = wanted.filter((name) => !rows.some((row) => row.name === name));
  const what = field.includes("tag") ? "tag" : field.includes("zone") ? "zone" : field.includes("pool") ? "pool" : field;
  if (missing.length > 0) form.error(field, `No such ${what}(s): ${missing.map((name) => (quoted ? `'${name}'` : name)).join(", ")}.`);
}

export function filterNodes(context: Context, nodes: Node[], fields: Fields = context.query): Node[] {
  const { tables, network } = context.maas;
  const form = new Form(fields, false);
  const list = (name: string) => split(fields.all(name));
  for (const name of fields.names())
    if (name !== "op" && name !== "format" && !known.includes(name)) form.error(name, "No such constraint.");
  const macs = fields.all("mac_address");
  for (const mac of macs) if (!isMac(mac)) form.error("mac_address", `'${mac}' is not a valid MAC address.`);
  requireKnown(form, "zone", list("zone"), tables.zones);
  requireKnown(form, "pool", list("pool"), tables.pools);
  requireKnown(form, "tags", list("tags"), tables.tags, true);
  requireKnown(form, "not_tags", list("not_tags"), tables.tags, true);
  const statuses = list("status");
  for (const status of statuses) if (statusByFilterName(status) < 0) throw formErrors({ ...form.errors, status: [invalidChoice(status)] });
  form.done();
  const wanted = (name: string, value: (node: Node) => string | undefined) => {
    const values = fields.all(name);
    return values.length === 0 ? () => true : (node: Node) => values.includes(value(node) ?? "");
  };
  const ids = fields.all("id").flatMap((id) => id.split(","));
  const checks: ((node: Node) => boolean)[] = [
    (node) => ids.length === 0 || ids.includes(node.systemId),
    wanted("hostname", (node) => node.hostname),
    wanted("agent_name", (node) => node.agentName),
    wanted("domain", (node) => tables.domains.find((row) => row.id === node.domainId)?.name),
    (node) => macs.length === 0 || network.interfacesOf(node).some((card) => macs.includes(card.macAddress)),
    (node) => list("zone").length === 0 || list("zone").includes(tables.zones.find((row) => row.id === node.zoneId)?.name ?? ""),
    (node) => list("pool").length === 0 || list("pool").includes(tables.pools.find((row) => row.id === node.poolId)?.name ?? ""),
    (node) => list("tags").every((tag) => node.tagNames.includes(tag)),
    (node) => !list("not_tags").some((tag) => node.tagNames.includes(tag)),
    (node) => statuses.length === 0 || statuses.some((status) => statusByFilterName(status) === node.status),
    (node) =>
      list("arch").length === 0 || list("arch").some((arch) => node.architecture === arch || node.architecture?.split("/")[0] === arch),
  ];
  return nodes.filter((node) => checks.every((check) => check(node)));
}

/** `op=allocate`: one free machine that meets the constraints. */
import { conflict } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form } from "../http/forms";
import { Status } from "../machine/status";
import type { Node } from "../state/model";
import { subnetBySpecifier } from "./subnets";

interface Constraint {
  /** As MAAS prints it in its refusal. */
  resolved: string;
  matches: (node: Node) => boolean;
  /** For `constraints_by_type`. */
  label?: (node: Node) => [type: string, value: Record<string, number[]>];
}

type Reader = (context: Context, form: Form, values: string[]) => Constraint | undefined;

const list = (values: string[]) =>
  values
    .flatMap((value) => value.split(","))
    .map((value) => value.trim())
    .filter(Boolean);

function architecture(context: Context, form: Form, [value = ""]: string[]): Constraint | undefined {
  const known = [...new Set(context.maas.tables.bootResources.map((row) => `${String(row.architecture).split("/")[0]}/generic`))];
  const wanted = known.filter((name) => name === value || name.split("/")[0] === value);
  if (wanted.length === 0) return form.error("arch", "Architecture not recognised.");
  return { resolved: `arch=${wanted.join(",")}`, matches: (node) => wanted.includes(node.architecture ?? "") };
}

/** Python prints a float. */
const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

const number =
  (name: string, message: string, of: (node: Node) => number): Reader =>
  (_context, form, [value = ""]) => {
    const wanted = Number(value);
    if (value === "" || Number.isNaN(wanted)) return form.error(name, message);
    return { resolved: `${name}=${float(wanted)}`, matches: (node) => of(node) >= wanted };
  };

const named =
  (
    name: string,
    rows: (context: Context) => { id: number; name: string }[],
    has: (node: Node, id: number) => boolean,
    wantedState = true,
  ): Reader =>
  (context, form, values) => {
    const wanted = list(values);
    const what = name.replace(/^not_(in_)?/, "").replace(/s$/, "");
    const missing = wanted.filter((value) => !rows(context).some((row) => row.name === value));
    if (missing.length > 0) return form.error(name, `No such ${what}(s): ${missing.join(", ")}.`);
    const ids = rows(context)
      .filter((row) => wanted.includes(row.name))
      .map((row) => row.id);
    return { resolved: `${name}=${wanted.join(",")}`, matches: (node) => ids.some((id) => has(node, id)) === wantedState };
  };

const tags =
  (name: "tags" | "not_tags"): Reader =>
  (context, form, values) => {
    const wanted = list(values);
    const missing = wanted.filter((value) => !context.maas.tables.tags.some((row) => row.name === value));
    if (missing.length > 0) return form.error(name, `No such tag(s): ${missing.map((tag) => `'${tag}'`).join(", ")}.`);
    return {
      resolved: `${name}=${wanted.join(",")}`,
      matches: (node) =>
        name === "tags" ? wanted.every((tag) => node.tagNames.includes(tag)) : !wanted.some((tag) => node.tagNames.includes(tag)),
    };
  };

/** `label:size(tag,…)`, gigabytes; the first is the root disk. */
function storage(context: Context, form: Form, [value = ""]: string[]): Constraint | undefined {
  const parts = [...value.matchAll(/(?:^|,)\s*(?:([a-z0-9_-]+):)?(\d+(?:\.\d+)?)(?:\(([^)]*)\))?/gi)];
  const consumed = parts.map((part) => part[0].length).reduce((sum, length) => sum + length, 0);
  if (parts.length === 0 || consumed !== value.length) return form.error("storage", `Malformed storage constraint, "${value}".`);
  const wanted = parts.map((part) => ({ label: part[1], size: Number(part[2]) * 1e9, tags: list([part[3] ?? ""]) }));
  const match = (node: Node) => {
    const free = context.maas.layouts.disksOf(node).filter((disk) => disk.type === "physical");
    const found: { id: number; label?: string }[] = [];
    for (const one of wanted) {
      const index = free.findIndex((disk) => disk.size >= one.size && one.tags.every((tag) => disk.tags.includes(tag)));
      if (index < 0) return undefined;
      found.push({ id: free.splice(index, 1)[0]!.id, label: one.label });
    }
    return found;
  };
  return {
    resolved: `storage=${value}`,
    matches: (node) => match(node) !== undefined,
    label: (node) => ["storage", Object.fromEntries((match(node) ?? []).flatMap((row) => (row.label ? [[row.label, [row.id]]] : [])))],
  };
}

const interfaceKeys = [
  "space",
  "not_space",
  "fabric",
  "not_fabric",
  "fabric_class",
  "not_fabric_class",
  "subnet",
  "not_subnet",
  "subnet_cidr",
  "not_subnet_cidr",
  "vlan",
  "not_vlan",
  "vid",
  "not_vid",
  "tag",
  "not_tag",
  "ip",
  "mode",
  "name",
  "hostname",
];

/** `label:key=value,key=value;label:…` */
function interfaces(context: Context, form: Form, values: string[]): Constraint | undefined {
  const text = values.join(";");
  const wanted = text
    .split(";")
    .filter(Boolean)
    .map((part) => {
      const [label = "", rest = ""] = part.split(/:(.*)/s, 2) as [string, string?];
      return {
        label,
        pairs: rest
          .split(",")
          .filter(Boolean)
          .map((pair) => pair.split("=") as [string, string]),
      };
    });
  for (const { pairs } of wanted)
    for (const [name] of pairs)
      if (!interfaceKeys.includes(name)) return form.error("interfaces", `Unknown interfaces constraint: '${name}`);
  const { tables, network, render } = context.maas;
  const meets = (id: number, [name, value]: [string, string]) => {
    const card = tables.interfaces.find((row) => row.id === id)!;
    const vlan = tables.vlans.find((row) => row.id === card.vlanId);
    const shown = vlan && render.network.vlan(vlan);
    const subnets = [...network.links(card), ...network.discovered(card)].flatMap((row) =>
      tables.subnets.filter((subnet) => subnet.id === row.subnetId),
    );
    const plain = value.replace(/^(name|id|cidr):/, "");
    const positive = name.replace(/^not_/, "");
    const result = {
      space: shown?.space === plain,
      fabric: shown?.fabric === plain || String(shown?.fabric_id) === plain,
      fabric_class: tables.fabrics.find((row) => row.id === vlan?.fabricId)?.classType === plain,
      subnet: subnets.some((row) => [String(row.id), row.cidr, row.name].includes(plain)),
      subnet_cidr: subnets.some((row) => row.cidr === plain),
      vlan: String(vlan?.id) === plain || shown?.name === plain,
      vid: String(vlan?.vid) === plain,
      tag: card.tags.includes(plain),
      ip: network.links(card).some((row) => row.ip === plain),
      mode: true,
      name: card.name === plain,
      hostname: true,
    }[positive];
    return name.startsWith("not_") ? !result : result;
  };
  const match = (node: Node, pairs: [string, string][]) =>
    network
      .interfacesOf(node)
      .filter((card) => pairs.every((pair) => meets(card.id, pair)))
      .map((card) => card.id);
  return {
    resolved: `interfaces=${text}`,
    matches: (node) => wanted.every(({ pairs }) => match(node, pairs).length > 0),
    label: (node) => ["interfaces", Object.fromEntries(wanted.map(({ label, pairs }) => [label, match(node, pairs)]))],
  };
}

const subnets =
  (name: "subnets" | "not_subnets"): Reader =>
  (context, form, values) => {
    const wanted = values.flatMap((value) => {
      const subnet = subnetBySpecifier(context, value);
      if (!subnet) form.error(name, `No matching subnets found for constraint: ${value}`);
      return subnet ? [subnet.id] : [];
    });
    const { network } = context.maas;
    const on = (node: Node) =>
      network
        .interfacesOf(node)
        .some((card) => network.links(card).some((link) => link.subnetId !== null && wanted.includes(link.subnetId)));
    return { resolved: `${name}=${wanted.join(",")}`, matches: (node) => on(node) === (name === "subnets") };
  };

const readers: Record<string, Reader> = {
  name: (context, _form, [value = ""]) => {
    const [hostname, ...domain] = value.split(".");
    return {
      resolved: `name=${value}`,
      matches: (node) => node.hostname === hostname && (domain.length === 0 || context.maas.render.node.fqdn(node) === value),
    };
  },
  system_id: (_context, _form, [value = ""]) => ({ resolved: `system_id=${value}`, matches: (node) => node.systemId === value }),
  arch: architecture,
  cpu_count: number("cpu_count", "Invalid CPU count: number required.", (node) => node.cpuCount),
  mem: number("mem", "Invalid memory: number of MiB required.", (node) => node.memory),
  tags: tags("tags"),
  not_tags: tags("not_tags"),
  zone: named(
    "zone",
    ({ maas }) => maas.tables.zones,
    (node, id) => node.zoneId === id,
  ),
  not_in_zone: named(
    "not_in_zone",
    ({ maas }) => maas.tables.zones,
    (node, id) => node.zoneId === id,
    false,
  ),
  pool: named(
    "pool",
    ({ maas }) => maas.tables.pools,
    (node, id) => node.poolId === id,
  ),
  not_in_pool: named(
    "not_in_pool",
    ({ maas }) => maas.tables.pools,
    (node, id) => node.poolId === id,
    false,
  ),
  storage,
  interfaces,
  subnets: subnets("subnets"),
  not_subnets: subnets("not_subnets"),
};
/** Order in which MAAS prints resolved constraints: by name. */
const options = [
  "agent_name",
  "comment",
  "dry_run",
  "verbose",
  "bridge_all",
  "bridge_type",
  "bridge_stp",
  "bridge_fd",
  "op",
  "fabrics",
  "not_fabrics",
  "connected_to",
  "not_connected_to",
  "fabric_classes",
  "vlans",
  "link_speed",
  "pod",
  "not_pod",
  "pod_type",
  "not_pod_type",
  "devices",
];

export function allocate(context: Context) {
  const { maas, form } = context;
  const checked = new Form(form, false);
  const constraints: [string, Constraint][] = [];
  for (const [name, values] of form.entries()) {
    const reader = readers[name];
    if (!reader) {
      if (!options.includes(name)) checked.error(name, "No such constraint.");
      continue;
    }
    if (values.every((value) => value === "")) continue;
    const constraint = reader(context, checked, values);
    if (constraint) constraints.push([name, constraint]);
  }
  checked.done();
  const free = maas.machines().filter((node) => node.status === Status.Ready && !node.locked);
  const node = free
    .filter((candidate) => constraints.every(([, constraint]) => constraint.matches(candidate)))
    .sort((a, b) => cost(a) - cost(b))[0];
  if (!node) throw conflict(nothing(context, constraints));
  const dry = checkbox(form.get("dry_run"));
  if (!dry) {
    maas.deployments.acquire(node, context.user, form.get("agent_name") ?? "");
    maas.events.add(node, "User acquiring node", "DEBUG", form.get("comment") ?? "", context.user.username);
  }
  const byType: Record<string, unknown> = Object.fromEntries(
    constraints.flatMap(([, constraint]) => (constraint.label ? [constraint.label(node)] : [])),
  );
  if (checkbox(form.get("verbose"))) Object.assign(byType, { verbose_storage: {}, verbose_interfaces: {} });
  return { ...maas.render.node.machine(node), constraints_by_type: byType };
}

/** MAAS takes the smallest machine that will do. */
const cost = (node: Node) => node.cpuCount * 1e6 + node.memory;

const quote = (value: string) => (value.includes("'") ? `"${value}"` : `'${value}'`);

function nothing(context: Context, constraints: [string, Constraint][]): string {
  const given = context.form.entries().filter(([name]) => name !== "op");
  const systemId = context.form.get("system_id");
  if (systemId) return `No machine with system ID ${systemId} available.`;
  if (given.length === 0) return "No machine available.";
  const shown = given.map(([name, values]) => `(${quote(name)}, [${values.map(quote).join(", ")}])`).join(", ");
  const resolved = constraints
    .map(([, constraint]) => constraint.resolved)
    .sort()
    .join(" ");
  return `No available machine matches constraints: [${shown}] (resolved to "${resolved}")`;
}

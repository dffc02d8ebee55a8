/** VM hosts: registered, and machines composed on them. */
import { ApiError, badRequest, conflict, deleted, notFound, notFoundText } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, invalidModelChoice, mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import { addVmHost, discover, ensureTags, answers as letsIn } from "../machine/hosting";
import { petName } from "../state/ids";
import type { Node, VmHost } from "../state/model";
import { newInterface, newNode } from "../state/seed";

const fields = ["power_address", "power_user", "power_pass", "project", "password", "certificate", "key"];
function composed(context: Context, host: VmHost): Node[] {
  return context.maas.machines().filter((node) => node.podId === host.id);
}

function used(context: Context, host: VmHost) {
  const given = composed(context, host).map((node) => node.composed ?? { cores: node.cpuCount, memory: node.memory, local_storage: 0 });
  const sum = (what: "cores" | "memory" | "local_storage") => given.reduce((total, each) => total + each[what], 0);
  return { cores: sum("cores"), memory: sum("memory"), local_storage: sum("local_storage") };
}

function show(context: Context, host: VmHost) {
  const { tables, render } = context.maas;
  const inUse = used(context, host);
  const { total } = host;
  return {
    id: host.id,
    name: host.name,
    type: host.type,
    tags: host.tags,
    architectures: host.architectures,
    capabilities: host.capabilities,
    cpu_over_commit_ratio: host.cpuOverCommitRatio,
    memory_over_commit_ratio: host.memoryOverCommitRatio,
    default_macvlan_mode: host.defaultMacvlanMode,
    version: host.version,
    total,
    used: inUse,
    available: {
      cores: total.cores - inUse.cores,
      memory: total.memory - inUse.memory,
      local_storage: total.local_storage - inUse.local_storage,
    },
    zone: render.node.zone(tables.zones.find((row) => row.id === host.zoneId)!),
    pool: render.node.pool(tables.pools.find((row) => row.id === host.poolId)!),
    host: { system_id: host.hostId, __incomplete__: true },
    storage_pools: host.storagePools.map((pool) => {
      const inPool = pool.name === "default" ? inUse.local_storage : 0;
      return { ...pool, used: inPool, available: pool.total - inPool, default: pool.name === "default" };
    }),
    resource_uri: `/MAAS/api/2.0/vm-hosts/${host.id}/`,
  };
}

function find(context: Context): VmHost {
  const host = context.maas.tables.vmHosts.find((row) => String(row.id) === context.parameter("id"));
  const reading = context.request.method === "GET" && !context.query.has("op");
  if (!host) throw reading ? notFoundText("Not Found") : notFound("Pod");
  return host;
}

function choices(context: Context, form: Form) {
  const { tables } = context.maas;
  const zoneName = form.get("zone");
  const poolName = form.get("pool");
  const zone = zoneName ? tables.zones.find((row) => row.name === zoneName) : undefined;
  const pool = poolName ? tables.pools.find((row) => row.name === poolName) : undefined;
  if (zoneName && !zone) form.error("zone", invalidModelChoice);
  if (poolName && !pool) form.error("pool", invalidModelChoice);
  return { zone, pool };
}

function create(context: Context) {
  context.requireAdmin();
  const { tables } = context.maas;
  const form = new Form(context.form);
  const type = form.required("type", (value) => (value === "lxd" || value === "virsh" ? undefined : invalidChoice(value)));
  const address = type && !form.errors.type ? form.required("power_address") : undefined;
  const { zone, pool } = choices(context, form);
  const name = form.optional("name", (value) =>
    tables.vmHosts.some((row) => row.name === value) ? "Node with this Name already exists." : undefined,
  );
  form.done();
  const powerParameters = Object.fromEntries(fields.flatMap((field) => (form.has(field) ? [[field, form.get(field)!]] : [])));
  const host = addVmHost(context.maas, {
    name: name || petName(),
    type: type!,
    powerParameters: { ...(type === "lxd" ? { project: "default" } : { power_pass: "" }), ...powerParameters, power_address: address },
    poolId: pool?.id ?? 0,
    zoneId: zone?.id ?? 1,
    tags: form.fields
      .all("tags")
      .flatMap((value) => value.split(","))
      .filter(Boolean),
    cpuOverCommitRatio: Number(form.get("cpu_over_commit_ratio") ?? 1),
    memoryOverCommitRatio: Number(form.get("memory_over_commit_ratio") ?? 1),
  });
  if (silence(context, host) === undefined) discover(host);
  return show(context, host);
}

/** Why the host does not tell MAAS what it has. */
function silence({ maas }: Context, host: VmHost): string | undefined {
  if (!maas.racksConnected) return "Unable to start the VM host discovery process. No rack controllers connected.";
  return maas.faults.vmHost(host.name) ?? (letsIn(maas, host) ? undefined : "Certificate is not trusted and no password was given");
}

/** Registration and changes ask, too, and go on where nobody answers. */
function refresh(context: Context) {
  context.requireAdmin();
  const host = find(context);
  const silent = silence(context, host);
  if (silent !== undefined) throw new ApiError(503, silent);
  discover(host);
  context.maas.store.touch();
  return show(context, host);
}

function update(context: Context) {
  context.requireAdmin();
  const host = find(context);
  const form = new Form(context.form, false);
  const { zone, pool } = choices(context, form);
  form.done();
  for (const field of fields) if (form.has(field)) host.powerParameters[field] = form.get(field);
  Object.assign(host, {
    name: form.get("name") || host.name,
    zoneId: zone?.id ?? host.zoneId,
    poolId: pool?.id ?? host.poolId,
    cpuOverCommitRatio: Number(form.get("cpu_over_commit_ratio") ?? host.cpuOverCommitRatio),
    memoryOverCommitRatio: Number(form.get("memory_over_commit_ratio") ?? host.memoryOverCommitRatio),
    // An optional text of a form of Django's.
    defaultMacvlanMode: form.get("default_macvlan_mode") ?? host.defaultMacvlanMode ?? "",
  });
  if (form.has("tags"))
    host.tags = form.fields
      .all("tags")
      .flatMap((value) => value.split(","))
      .filter(Boolean);
  if (silence(context, host) === undefined) discover(host);
  context.maas.store.touch();
  return show(context, host);
}

/** `label:size(pool,tag)`, gigabytes. */
function storage(form: Form): { size: number }[] {
  const given = form.get("storage") || "8";
  const parts = [...given.matchAll(/(?:^|,)\s*(?:[\w-]+:)?(\d+(?:\.\d+)?)(?:\([^)]*\))?/g)];
  if (parts.length === 0) form.error("storage", `Malformed storage constraint, "${given}".`);
  return parts.map((part) => ({ size: Math.floor(Number(part[1]) * 1e9) }));
}

function randomMac(type: VmHost["type"]): string {
  const bytes = Array.from({ length: 3 }, () =>
    Math.floor(Math.random() * 256)
      .toString(16)
      .padStart(2, "0"),
  );
  return `${type === "virsh" ? "52:54:00" : "00:16:3e"}:${bytes.join(":")}`;
}

async function compose(context: Context) {
  context.requireAdmin();
  const host = find(context);
  const { maas } = context;
  const answers = maas.racksConnected && !maas.faults.vmHost(host.name);
  if (answers) discover(host);
  else if (!host.version) throw badRequest("VM host does not support composability.");
  const form = new Form(context.form);
  const cores = form.integer("cores") ?? 1;
  const memory = form.integer("memory") ?? 2048;
  if (cores < 1) form.error("cores", "Ensure this value is greater than or equal to 1.");
  if (memory < 1024) form.error("memory", "Ensure this value is greater than or equal to 1024.");
  const disks = storage(form);
  const { zone, pool } = choices(context, form);
  const hostname =
    form.optional("hostname", (value) =>
      maas.tables.nodes.some((row) => row.hostname === value) ? "Node with this Hostname already exists." : undefined,
    ) || petName();
  form.done();
  const free = { cores: host.total.cores * host.cpuOverCommitRatio, memory: host.total.memory * host.memoryOverCommitRatio };
  const inUse = used(context, host);
  if (inUse.cores + cores > free.cores || inUse.memory + memory > free.memory)
    throw conflict("Unable to compose machine because: Insufficient resources on the VM host.");
  ensureTags(maas, host.tags);
  const node = maas.store.insert(
    "nodes",
    newNode(
      {
        hostname,
        architecture: "amd64/generic",
        podId: host.id,
        composed: {
          id: maas.store.nextId("virtualMachines"),
          cores,
          memory,
          local_storage: disks.reduce((total, { size }) => total + size, 0),
        },
        bmcId: host.id,
        cpuCount: cores,
        memory,
        zoneId: zone?.id ?? host.zoneId,
        poolId: pool?.id ?? host.poolId,
        powerType: host.type,
        powerParameters:
          host.type === "lxd" ? { ...host.powerParameters, instance_name: hostname } : { ...host.powerParameters, power_id: hostname },
        tagNames: [...host.tags],
      },
      maas.timestamp(),
    ),
  );
  const count = Math.max(1, (form.get("interfaces") ?? "").split(";").filter(Boolean).length);
  for (let index = 0; index < count; index += 1) {
    const card = maas.store.insert(
      "interfaces",
      newInterface({
        id: maas.store.nextId("interfaces"),
        nodeId: node.systemId,
        name: `eth${index}`,
        macAddress: randomMac(host.type),
        vlanId: maas.tables.vlans[0]!.id,
      }),
    );
    node.bootInterfaceId ??= card.id;
  }
  disks.forEach((disk, index) => {
    maas.store.insert("blockDevices", {
      id: maas.store.nextId("blockDevices"),
      nodeId: node.systemId,
      name: `vd${String.fromCharCode(97 + index)}`,
      type: "physical",
      model: "QEMU HARDDISK",
      serial: `lxd_${node.systemId}_${index}`,
      idPath: `/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lxd_${node.systemId}_${index}`,
      size: disk.size,
      blockSize: 512,
      tags: ["rotary"],
      firmwareVersion: null,
      numaNode: 0,
      uuid: null,
      tableType: null,
      partitions: [],
      filesystem: null,
    });
  });
  await maas.hardware.compose?.({
    cores,
    memory,
    cards: maas.network.interfacesOf(node).map(({ name, macAddress }) => ({ name, macAddress })),
    disks: maas.layouts.disksOf(node).map(({ name, size, model, serial }) => ({ name, size, model: model ?? "", serial: serial ?? "" })),
  });
  const skip = form.get("skip_commissioning");
  if (skip !== "true") {
    const finish = maas.lifecycle.startCommissioning(node, context.user, {
      enableSsh: false,
      skipNetworking: false,
      skipStorage: false,
      parameters: {},
    });
    await finish();
  }
  return { system_id: node.systemId, resource_uri: `/MAAS/api/2.0/machines/${node.systemId}/` };
}

function remove(context: Context) {
  context.requireAdmin();
  const host = find(context);
  // Its machines go with it; `decompose` only says whether they go from the host, too.
  for (const node of composed(context, host)) context.maas.removeNode(node);
  context.maas.store.remove("vmHosts", (row) => row.id === host.id);
  return deleted();
}

function tag(context: Context, adding: boolean) {
  context.requireAdmin();
  const name = mandatory(context.form, "tag");
  const host = find(context);
  host.tags = adding ? [...new Set([...host.tags, name])] : host.tags.filter((one) => one !== name);
  context.maas.store.touch();
  return show(context, host);
}

const parameters = (context: Context) => {
  context.requireAdmin();
  return find(context).powerParameters;
};

const collection = { GET: (context: Context) => context.maas.tables.vmHosts.map((row) => show(context, row)), POST: create };
const single = {
  GET: (context: Context) => show(context, find(context)),
  PUT: update,
  DELETE: remove,
  "POST refresh": refresh,
  "POST compose": compose,
  "GET parameters": parameters,
  "POST add_tag": (context: Context) => tag(context, true),
  "POST remove_tag": (context: Context) => tag(context, false),
};

export const vmHostEndpoints: Endpoint<Context>[] = [
  { path: "vm-hosts/", operations: collection },
  { path: "vm-hosts/{id}/", operations: single },
  { path: "pods/", operations: collection },
  { path: "pods/{id}/", operations: single },
];

/** The form behind creating and updating machines. */

import { powerType } from "../data/power-types";
import { badRequest, crashed } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, invalidModelChoice, isMac, normaliseMac, required } from "../http/forms";
import { readPowerParameters } from "../machine/power-parameters";
import { petName } from "../state/ids";
import type { Node } from "../state/model";

export interface MachineValues {
  hostname?: string;
  architecture?: string;
  description?: string;
  domainId?: number;
  zoneId?: number;
  poolId?: number;
  minHweKernel?: string;
  powerType?: string;
  powerParameters?: Record<string, unknown>;
  cpuCount?: number;
  memory?: number;
  swapSize?: number;
  macs: string[];
}

const architectures = (context: Context) =>
  [...new Set(context.maas.tables.bootResources.map((row) => `${String(row.architecture).split("/")[0]}/generic`))].sort();

function readArchitecture(context: Context, form: Form): string | undefined {
  const given = form.get("architecture");
  const sub = form.get("subarchitecture");
  if (given?.includes("/") && sub !== undefined) throw badRequest("Subarchitecture cannot be specified twice.");
  if (given && /\/hwe-/.test(given)) throw badRequest("hwe kernel must be specified using the min_hwe_kernel argument.");
  if (!given) {
    if (form.creating || given === "") form.error("architecture", required);
    return undefined;
  }
  const full = given.includes("/") ? given : `${given}/${sub ?? "generic"}`;
  const known = architectures(context);
  if (known.includes(full)) return full;
  return form.error(
    "architecture",
    `'${full}' is not a valid architecture.  It should be one of: ${known.map((name) => `'${name}'`).join(", ")}.`,
  );
}

export function hostnameError(name: string): string | undefined {
  if (name.length > 63) return `Label is too long: '${name}'.`;
  if (name.includes("_")) return `Host label cannot contain underscore: '${name}'.`;
  if (name.startsWith("-") || name.endsWith("-")) return `Invalid DNS name: ${name}.`;
  return /^[a-z0-9-]+$/i.test(name) ? undefined : `Invalid DNS name: ${name}.`;
}

function readHostname(context: Context, form: Form, node?: Node): string | undefined {
  const given = form.get("hostname");
  if (!given) return form.creating ? freshName(context) : undefined;
  const [name = ""] = given.split(".");
  const message = hostnameError(name);
  if (message) return form.error("hostname", message);
  if (context.maas.tables.nodes.some((row) => row.hostname === name && row !== node && row.nodeType <= 3))
    return form.error("hostname", "Node with this Hostname already exists.");
  return name;
}

function freshName(context: Context): string {
  for (;;) {
    const name = petName();
    if (!context.maas.tables.nodes.some((row) => row.hostname === name)) return name;
  }
}

function readMacs(context: Context, form: Form, mandatory: boolean): string[] {
  const given = form.fields.all("mac_addresses").map((mac) => mac.trim());
  if (given.length === 0 || given.every((mac) => mac === "")) {
    if (mandatory) form.error("mac_addresses", required);
    return [];
  }
  // A comma-joined list trips MAAS's own error handling.
  if (given.some((mac) => mac.includes(",") && mac.split(",").every((part) => isMac(part.trim()))))
    throw crashed("'ValidationError' object has no attribute 'message'");
  const bad = given.filter((mac) => !isMac(mac));
  if (bad.length > 0) {
    const single = `'${bad[0]}' is not a valid MAC address.`;
    form.error("mac_addresses", given.length === 1 ? single : `One or more MAC addresses is invalid. (${single})`);
    return [];
  }
  const macs = given.map(normaliseMac);
  for (const mac of macs) {
    const used = context.maas.tables.interfaces.find((row) => row.macAddress === mac && row.type === "physical");
    const owner = used && context.maas.tables.nodes.find((row) => row.systemId === used.nodeId);
    if (owner) {
      form.error("mac_addresses", `MAC address ${mac} already in use on ${owner.hostname}.`);
      return [];
    }
  }
  return macs;
}

/** By name or id, as Django's model choices with `to_field_name` do. */
function readChoice(form: Form, name: string, rows: { id: number; name: string }[]): number | undefined {
  const given = form.get(name);
  if (!given) return undefined;
  return rows.find((row) => row.name === given)?.id ?? form.error(name, invalidModelChoice);
}

/** The kernels that the imported images bring. */
export const kernels = (context: Context) => [
  ...new Set(context.maas.tables.bootResources.map((row) => String(row.architecture).split("/")[1]!)),
];

export function readMachine(context: Context, node?: Node): MachineValues {
  const { tables } = context.maas;
  const form = new Form(context.form, !node);
  const architecture = readArchitecture(context, form);
  const hostname = readHostname(context, form, node);
  const type = form.get("power_type");
  const macs = node ? [] : readMacs(context, form, true);
  if (type && !powerType(type)) form.error("power_type", invalidChoice(type));
  else if (!node && type === "manual" && macs.length === 0)
    form.error("power_type", "Can't set power type to manual without network interfaces");
  const changed = type !== undefined && type !== node?.powerType;
  const effective = type ?? node?.powerType ?? "";
  const before = changed ? {} : (node?.powerParameters ?? {});
  const powerParameters = form.errors.power_type ? undefined : readPowerParameters(form, effective, before, changed);
  const domain = form.get("domain");
  const domainRow = domain ? tables.domains.find((row) => row.name === domain || String(row.id) === domain) : undefined;
  if (domain && !domainRow) form.error("domain", `Unable to find domain ${domain}`);
  const zoneId = readChoice(form, "zone", tables.zones);
  const poolId = readChoice(form, "pool", tables.pools);
  const minHweKernel = form.get("min_hwe_kernel");
  if (minHweKernel && !kernels(context).includes(minHweKernel))
    form.error("min_hwe_kernel", `No kernel matches ">=${minHweKernel}" requirement.`);
  const cpuCount = form.integer("cpu_count");
  const memory = form.integer("memory");
  const swapSize = form.integer("swap_size");
  form.done();
  return {
    architecture,
    hostname,
    macs,
    powerType: type,
    powerParameters,
    domainId: domainRow?.id,
    zoneId,
    poolId,
    minHweKernel,
    cpuCount,
    memory,
    swapSize,
    description: form.get("description"),
  };
}

import { ApiError, crashed, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { Form, formErrors, invalidChoice, invalidModelChoice, isIp, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { contains, toNumber } from "../machine/addresses";
import type { IpRange, Subnet } from "../state/model";
import { subnetBySpecifier } from "./subnets";

function find(context: Context): IpRange {
  const range = context.maas.tables.ipRanges.find((row) => String(row.id) === context.parameter("id"));
  if (!range) throw notFound("IPRange");
  return range;
}

function subnetOf(context: Context, form: Form, startIp: string | undefined): Subnet | undefined {
  const given = form.get("subnet");
  if (given) return subnetBySpecifier(context, given) ?? form.error("subnet", invalidModelChoice);
  return startIp ? context.maas.tables.subnets.find((row) => contains(row.cidr, startIp)) : undefined;
}

/** Ranges must not touch each other; dynamic ones not even an address in use. */
function conflicts(context: Context, subnet: Subnet, type: string, start: bigint, end: bigint, own?: IpRange): boolean {
  return context.maas.network.taken(subnet, { forRanges: true }).some((taken) => {
    if (own && taken.start === toNumber(own.startIp) && taken.end === toNumber(own.endIp)) return false;
    const isRange = taken.purpose.includes("dynamic") || taken.purpose.includes("reserved");
    return (type === "dynamic" || isRange) && taken.start <= end && start <= taken.end;
  });
}

function save(context: Context, range?: IpRange) {
  const { store, render, tables } = context.maas;
  const form = new Form(context.form, !range);
  // Nothing at all: the form is not looked at further.
  const both = "Start IP address and end IP address are both required.";
  if (!range && !["type", "start_ip", "end_ip", "subnet"].some((name) => form.has(name)))
    throw formErrors({ end_ip: [required, both], start_ip: [required, both], subnet: [required], type: [required] });
  const type =
    form.optional("type", (value) => (value === "dynamic" || value === "reserved" ? undefined : invalidChoice(value))) || range?.type;
  if (type === "dynamic" && !range && !context.isAdmin)
    throw new ApiError(403, "Unable to create dynamic IP range. You don't have sufficient privileges.");
  const start = form.get("start_ip") ?? range?.startIp;
  const end = form.get("end_ip") ?? range?.endIp;
  form.done();
  const subnet = range ? tables.subnets.find((row) => row.id === range.subnetId) : subnetOf(context, form, start);
  form.done();
  // MAAS looks into the cleaned subnet without checking that there is one.
  if (!subnet) throw crashed("'subnet'");
  if (!type) form.error("type", "This field is required.");
  for (const [name, value] of [
    ["start_ip", start],
    ["end_ip", end],
  ] as const) {
    if (!value) form.error(name, "This field is required.");
    else if (!isIp(value)) form.error(name, "Enter a valid IPv4 or IPv6 address.");
  }
  form.done();
  if (toNumber(start!) > toNumber(end!)) throw crashed("lower bound IP greater than upper bound!");
  if (!contains(subnet.cidr, start!)) form.error("start_ip", `IP addresses must be within subnet: ${subnet.cidr}.`);
  if (!contains(subnet.cidr, end!)) form.error("end_ip", `IP addresses must be within subnet: ${subnet.cidr}.`);
  if (conflicts(context, subnet, type!, toNumber(start!), toNumber(end!), range)) {
    const message = `Requested ${type} range conflicts with an existing IP address or range.`;
    form.error("start_ip", message);
    form.error("end_ip", message);
  }
  form.done();
  const values = { type: type as IpRange["type"], startIp: start!, endIp: end!, comment: form.get("comment") ?? range?.comment ?? "" };
  if (range) {
    Object.assign(range, values);
    store.touch();
    return render.network.ipRange(range);
  }
  return render.network.ipRange(
    store.insert("ipRanges", { id: store.nextId("ipRanges"), subnetId: subnet.id, userId: context.user.id, ...values }),
  );
}

function change(context: Context): IpRange {
  const range = find(context);
  if (!context.isAdmin && range.userId !== context.user.id)
    throw new ApiError(403, "Unable to modify IP range. You don't own the IP range.");
  return range;
}

function remove(context: Context) {
  const range = change(context);
  context.maas.store.remove("ipRanges", (row) => row.id === range.id);
  return deleted();
}

export const ipRangeEndpoints: Endpoint<Context>[] = [
  {
    path: "ipranges/",
    operations: {
      GET: ({ maas }) => maas.tables.ipRanges.map((row) => maas.render.network.ipRange(row)),
      POST: (context) => save(context),
    },
  },
  {
    path: "ipranges/{id}/",
    operations: {
      GET: (context) => context.maas.render.network.ipRange(find(context)),
      PUT: (context) => save(context, change(context)),
      DELETE: remove,
    },
  },
];

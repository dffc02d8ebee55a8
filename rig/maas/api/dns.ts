/** Domains, names and records. */
import { badRequest, crashed, deleted, notFound, text, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { Form, formErrors, isIp, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { allocType, type DnsRecord, type DnsResource, type Domain } from "../state/model";
import { wrongValue } from "./dns-values";

function findDomain(context: Context, wanted = context.parameter("id")): Domain {
  const domain = context.maas.tables.domains.find((row) => String(row.id) === wanted || row.name === wanted);
  if (!domain) throw notFound("Domain");
  return domain;
}

const maxSerial = 2 ** 32 - 1;
const domainName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

function updateDomain(context: Context) {
  const domain = findDomain(context);
  context.requirePermission(context.isAdmin);
  return saveDomain(context, domain);
}

/** Machines that nobody has taken move to the new default domain. */
function setDefaultDomain(context: Context) {
  const domain = findDomain(context);
  context.requirePermission(context.isAdmin);
  const { maas } = context;
  const former = maas.defaultDomain.id;
  for (const node of maas.tables.nodes) if (node.domainId === former && node.ownerId === null) node.domainId = domain.id;
  maas.defaultDomain = domain;
  return maas.render.node.domain(domain);
}

function setSerial(context: Context) {
  context.requireAdmin();
  const given = context.form.get("serial");
  const refused = (message: string) => validationError({ serial: [message] });
  if (given === undefined) throw formErrors({ serial: ["Missing parameter"] });
  if (!/^\s*[+-]?\d+\s*$/.test(given)) throw refused("Expected a serial number");
  if (Number(given) === 0 || Number(given) > maxSerial) throw refused(`Expected a serial number between 1 and ${maxSerial}`);
  return text("");
}

function saveDomain(context: Context, domain?: Domain) {
  const { maas } = context;
  const form = new Form(context.form, !domain);
  const name = form.required("name", (value) => {
    if (!domainName.test(value)) {
      const bad = value.split(".").find((label) => label !== "" && !domainName.test(label));
      form.error("name", bad === undefined ? `Invalid domain name: ${value}.` : "Domain name contains invalid characters.");
      return bad === undefined ? "DNS name contains an empty label." : `Label contains disallowed characters: '${bad}'.`;
    }
    return maas.tables.domains.some((row) => row.name === value && row !== domain) ? "Domain with this Name already exists." : undefined;
  });
  const authoritative = form.boolean("authoritative");
  const ttl = form.integer("ttl");
  form.done();
  if (domain) {
    Object.assign(domain, { name: name ?? domain.name, authoritative: authoritative ?? domain.authoritative, ttl: ttl ?? domain.ttl });
    maas.store.touch();
    return maas.render.node.domain(domain);
  }
  return maas.render.node.domain(
    maas.store.insert("domains", { id: maas.store.nextId("domains"), name: name!, authoritative: authoritative ?? true, ttl: ttl ?? null }),
  );
}

function removeDomain(context: Context) {
  const domain = findDomain(context);
  context.requirePermission(context.isAdmin);
  const { tables, store } = context.maas;
  if (domain === context.maas.defaultDomain) throw badRequest("This domain is the default domain, it cannot be deleted.");
  // MAAS expects neither, and answers with what its database says.
  const holders: [field: string, what: string[]][] = [
    ["Node.domain", tables.nodes.filter((row) => row.domainId === domain.id).map((row) => `<Node: ${row.systemId} (${row.hostname})>`)],
    ["DNSResource.domain", tables.dnsResources.filter((row) => row.domainId === domain.id).map((row) => `<DNSResource: name=${row.name}>`)],
  ];
  const [holder] = holders.filter(([, what]) => what.length > 0);
  if (holder)
    throw crashed(
      `("Cannot delete some instances of model 'Domain' because they are referenced through protected foreign keys: '${holder[0]}'.", {${holder[1].join(", ")}})`,
    );
  store.remove("domains", (row) => row.id === domain.id);
  return deleted();
}

const fqdn = (context: Context, resource: DnsResource) => {
  const domain = context.maas.tables.domains.find((row) => row.id === resource.domainId)?.name;
  return resource.name === "@" ? domain : `${resource.name}.${domain}`;
};

function showRecord(context: Context, record: DnsRecord) {
  const resource = context.maas.tables.dnsResources.find((row) => row.id === record.resourceId)!;
  return {
    fqdn: fqdn(context, resource),
    ttl: record.ttl,
    rrtype: record.rrtype,
    rrdata: record.rrdata,
    id: record.id,
    resource_uri: `/MAAS/api/2.0/dnsresourcerecords/${record.id}/`,
  };
}

function showResource(context: Context, resource: DnsResource) {
  const { tables, render } = context.maas;
  return {
    fqdn: fqdn(context, resource),
    address_ttl: resource.addressTtl,
    ip_addresses: tables.staticIps.filter((row) => resource.ipIds.includes(row.id)).map((row) => render.network.staticIp(row)),
    resource_records: tables.dnsRecords.filter((row) => row.resourceId === resource.id).map((row) => showRecord(context, row)),
    id: resource.id,
    resource_uri: `/MAAS/api/2.0/dnsresources/${resource.id}/`,
  };
}

/** Name and domain from `fqdn`, or from `name` and `domain`. */
function readName(context: Context): { name: string; domain: Domain } {
  const { form, maas } = context;
  const full = form.get("fqdn");
  const name = full ? full.split(".")[0]! : form.get("name");
  const domain = full ? full.split(".").slice(1).join(".") : form.get("domain");
  if (!name) throw badRequest("Either name and domain (or fqdn) must be specified");
  const found =
    domain === undefined ? maas.defaultDomain : maas.tables.domains.find((row) => row.name === domain || String(row.id) === domain);
  if (!found) throw notFound("Domain");
  return { name, domain: found };
}

function addresses(_context: Context, form: Form): string[] | undefined {
  const given = form.fields
    .all("ip_addresses")
    .flatMap((value) => value.split(/[\s,]+/))
    .filter(Boolean);
  for (const address of given)
    if (!isIp(address) && !/^\d+$/.test(address))
      form.error("ip_addresses", `Invalid IP address: ${address}; provide a list of space-separated IP addresses`);
  return form.has("ip_addresses") ? given : undefined;
}

function link(context: Context, resource: DnsResource, ips: string[]): void {
  const { maas } = context;
  resource.ipIds = ips.map((ip) => {
    const known = maas.tables.staticIps.find((row) => row.ip === ip || String(row.id) === ip);
    if (known) return known.id;
    const subnet = maas.network.subnetFor(ip);
    return maas.store.insert("staticIps", {
      id: maas.store.nextId("staticIps"),
      ip,
      allocType: allocType.userReserved,
      subnetId: subnet?.id ?? null,
      interfaceIds: [],
      userId: context.user.id,
      created: maas.timestamp(),
    }).id;
  });
}

/** Of a name with addresses: one label. Other records may have more. */
const addressName = /^(@|\*|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$/i;

function createResource(context: Context) {
  context.requireAdmin();
  const { maas } = context;
  if (!["fqdn", "name", "domain"].some((field) => context.form.has(field))) throw formErrors({ domain: [required], name: [required] });
  const { name, domain } = readName(context);
  const form = new Form(context.form);
  const ips = addresses(context, form);
  if (ips && !addressName.test(name)) form.error("__all__", `Invalid dnsresource name: ${name}.`);
  const ttl = form.integer("address_ttl");
  form.done();
  const existing = maas.tables.dnsResources.find((row) => row.name === name && row.domainId === domain.id);
  if (existing) form.error("__all__", "Labels must be unique within their zone.");
  form.done();
  const resource = maas.store.insert("dnsResources", {
    id: maas.store.nextId("dnsResources"),
    name,
    domainId: domain.id,
    addressTtl: ttl ?? null,
    ipIds: [],
  });
  link(context, resource, ips ?? []);
  return showResource(context, resource);
}

function findResource(context: Context): DnsResource {
  const row = context.maas.tables.dnsResources.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("DNSResource");
  return row;
}

function updateResource(context: Context) {
  const resource = findResource(context);
  context.requirePermission(context.isAdmin);
  const form = new Form(context.form, false);
  const ips = addresses(context, form);
  const ttl = form.integer("address_ttl");
  form.done();
  if (context.form.has("fqdn") || context.form.has("name")) {
    const { name, domain } = readName(context);
    Object.assign(resource, { name, domainId: domain.id });
  }
  if (context.form.has("address_ttl")) resource.addressTtl = ttl ?? null;
  if (ips) link(context, resource, ips);
  // Of addresses that an edit does not name, MAAS keeps the last.
  else resource.ipIds = resource.ipIds.slice(-1);
  context.maas.store.touch();
  return showResource(context, resource);
}

function removeResource(context: Context) {
  const resource = findResource(context);
  context.requirePermission(context.isAdmin);
  const { store, tables } = context.maas;
  // Two names may have one address.
  const orphans = resource.ipIds.filter((id) => !tables.dnsResources.some((other) => other !== resource && other.ipIds.includes(id)));
  store.remove("dnsRecords", (row) => row.resourceId === resource.id);
  store.remove("dnsResources", (row) => row.id === resource.id);
  store.remove("staticIps", (row) => orphans.includes(row.id) && row.allocType === allocType.userReserved && row.interfaceIds.length === 0);
  return deleted();
}

const recordTypes = ["CNAME", "MX", "NS", "SRV", "SSHFP", "TXT"];

function createRecord(context: Context) {
  context.requireAdmin();
  const { maas } = context;
  if (!context.form.has("rrtype")) throw badRequest("rrtype must be provided.");
  const form = new Form(context.form);
  const rrtype = form.required("rrtype", (value) =>
    recordTypes.includes(value.toUpperCase()) ? undefined : `${value.toUpperCase()} is not one of ${recordTypes.join(" ")}.`,
  );
  const rrdata = form.required("rrdata");
  const ttl = form.integer("ttl");
  const { name, domain } = readName(context);
  const sameName = maas.tables.dnsResources.find((row) => row.name === name && row.domainId === domain.id);
  const beside = sameName ? maas.tables.dnsRecords.filter((row) => row.resourceId === sameName.id).map((row) => row.rrtype) : [];
  const isCname = rrtype?.toUpperCase() === "CNAME";
  const wrong = rrtype && rrdata && wrongValue(rrtype.toUpperCase(), rrdata);
  if (wrong) throw formErrors({ __all__: [wrong] });
  if (isCname ? beside.some((type) => type !== "CNAME") || sameName?.ipIds.length : beside.includes("CNAME"))
    form.error("__all__", "CNAME records for a name cannot coexist with non-CNAME records.");
  else if (isCname && beside.length > 0) form.error("__all__", "Only one CNAME can be associated with a name.");
  form.done();
  const resource =
    maas.tables.dnsResources.find((row) => row.name === name && row.domainId === domain.id) ??
    maas.store.insert("dnsResources", { id: maas.store.nextId("dnsResources"), name, domainId: domain.id, addressTtl: null, ipIds: [] });
  return showRecord(
    context,
    maas.store.insert("dnsRecords", {
      id: maas.store.nextId("dnsRecords"),
      resourceId: resource.id,
      rrtype: rrtype!.toUpperCase(),
      rrdata: rrdata!,
      ttl: ttl ?? null,
    }),
  );
}

function findRecord(context: Context): DnsRecord {
  const row = context.maas.tables.dnsRecords.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("DNSData");
  return row;
}

function updateRecord(context: Context) {
  const record = findRecord(context);
  context.requirePermission(context.isAdmin);
  const form = new Form(context.form, false);
  const rrdata = form.get("rrdata");
  if (rrdata === "") form.error("rrdata", required);
  const wrong = rrdata && wrongValue(record.rrtype, rrdata);
  if (wrong) form.error("__all__", wrong);
  const ttl = form.integer("ttl");
  form.done();
  Object.assign(record, { rrdata: rrdata ?? record.rrdata, ttl: form.has("ttl") ? (ttl ?? null) : record.ttl });
  context.maas.store.touch();
  return showRecord(context, record);
}

function removeRecord(context: Context) {
  const record = findRecord(context);
  context.requirePermission(context.isAdmin);
  const { store, tables } = context.maas;
  store.remove("dnsRecords", (row) => row.id === record.id);
  store.remove(
    "dnsResources",
    (row) => row.id === record.resourceId && row.ipIds.length === 0 && !tables.dnsRecords.some((other) => other.resourceId === row.id),
  );
  return deleted();
}

const inDomain = (context: Context, resource: DnsResource) => {
  const wanted = context.query.get("domain");
  return !wanted || context.maas.tables.domains.find((row) => row.id === resource.domainId)?.name === wanted;
};

export const dnsEndpoints: Endpoint<Context>[] = [
  {
    path: "domains/",
    operations: {
      GET: ({ maas }) => [...maas.tables.domains].sort((a, b) => a.id - b.id).map((row) => maas.render.node.domain(row)),
      POST: (context) => {
        context.requireAdmin();
        return saveDomain(context);
      },
      "POST set_serial": setSerial,
    },
  },
  {
    path: "domains/{id}/",
    operations: {
      GET: (context) => context.maas.render.node.domain(findDomain(context)),
      PUT: updateDomain,
      "POST set_default": setDefaultDomain,
      DELETE: removeDomain,
    },
  },
  {
    path: "dnsresources/",
    operations: {
      GET: (context) => context.maas.tables.dnsResources.filter((row) => inDomain(context, row)).map((row) => showResource(context, row)),
      POST: createResource,
    },
  },
  {
    path: "dnsresources/{id}/",
    operations: { GET: (context) => showResource(context, findResource(context)), PUT: updateResource, DELETE: removeResource },
  },
  {
    path: "dnsresourcerecords/",
    operations: {
      GET: (context) =>
        context.maas.tables.dnsRecords
          .filter((row) => !context.query.get("rrtype") || row.rrtype === context.query.get("rrtype"))
          .map((row) => showRecord(context, row)),
      POST: createRecord,
    },
  },
  {
    path: "dnsresourcerecords/{id}/",
    operations: { GET: (context) => showRecord(context, findRecord(context)), PUT: updateRecord, DELETE: removeRecord },
  },
];

/** Small collections: package repositories, DHCP snippets, files, license keys, discoveries. */
import { ApiError, badRequest, contentTypes, deleted, notFound, refusal, text } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form, mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import { uuid } from "../state/ids";
import type { Plain, Tables } from "../state/model";
import { httpDate } from "./scripts";

type PlainTable = { [K in keyof Tables]: Tables[K] extends Plain[] ? K : never }[keyof Tables];

function find(context: Context, table: PlainTable, model: string): Plain {
  const wanted = context.parameter("id");
  const row = (context.maas.tables[table] as Plain[]).find((candidate) => String(candidate.id) === wanted || candidate.name === wanted);
  if (!row) throw notFound(model);
  return row;
}

const withUri = (path: string) => (row: Plain) => ({ ...row, resource_uri: `/MAAS/api/2.0/${path}/${row.id}/` });
const lists = (form: Form, name: string) =>
  form.has(name)
    ? form.fields
        .all(name)
        .flatMap((value) => value.split(","))
        .map((one) => one.trim())
        .filter(Boolean)
    : undefined;

function saveRepository(context: Context, row?: Plain) {
  context.requireAdmin();
  const { store, tables } = context.maas;
  const form = new Form(context.form, !row);
  const name = form.required("name", (value) =>
    tables.packageRepositories.some((other) => other.name === value && other !== row)
      ? "Package repository with this Name already exists."
      : undefined,
  );
  const url = form.required("url", (value) =>
    /^(https?:\/\/|ppa:|cloud-archive:)\S+$/.test(value) ? undefined : "Enter a valid repository url.",
  );
  form.done();
  const given = {
    name,
    url,
    distributions: lists(form, "distributions"),
    disabled_pockets: lists(form, "disabled_pockets"),
    disabled_components: lists(form, "disabled_components"),
    disable_sources: form.boolean("disable_sources"),
    components: lists(form, "components"),
    arches: lists(form, "arches"),
    key: form.get("key"),
    enabled: form.boolean("enabled"),
  };
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const shown = withUri("package-repositories");
  if (row) {
    Object.assign(row, values);
    store.touch();
    return shown(row);
  }
  const empty = {
    distributions: [],
    disabled_pockets: [],
    disabled_components: [],
    disable_sources: false,
    components: [],
    arches: [],
    key: "",
    enabled: true,
  };
  return shown(store.insert("packageRepositories", { id: store.nextId("packageRepositories"), ...empty, ...values }));
}

const snippetValue = (row: Plain) => {
  const history = row.history as { id: number; value: string; created: string }[];
  return {
    ...row,
    value: history[0]?.value ?? "",
    history: history.map((one) => ({ ...one, created: httpDate(one.created) })),
    resource_uri: `/MAAS/api/2.0/dhcp-snippets/${row.id}/`,
  };
};

function saveSnippet(context: Context, row?: Plain) {
  context.requireAdmin();
  const { store } = context.maas;
  const form = new Form(context.form, !row);
  const name = form.required("name");
  const value = form.get("value");
  if (!row && !value) form.error("value", "Must be given a value");
  form.done();
  const enabled = form.boolean("enabled");
  const version = value === undefined ? [] : [{ id: store.nextId("versionedText"), value, created: context.maas.timestamp() }];
  if (row) {
    Object.assign(row, {
      name: name ?? row.name,
      description: form.get("description") ?? row.description,
      enabled: enabled ?? row.enabled,
      history: [...version, ...(row.history as unknown[])],
    });
    store.touch();
    return snippetValue(row);
  }
  const subnet = form.get("subnet") ? context.maas.render.network.subnetById(Number(form.get("subnet"))) : null;
  return snippetValue(
    store.insert("dhcpSnippets", {
      id: store.nextId("dhcpSnippets"),
      name,
      description: form.get("description") ?? "",
      enabled: enabled ?? true,
      node: null,
      subnet,
      global_snippet: subnet === null,
      history: version,
    }),
  );
}

/** Back to an earlier version: by its id, or by how many versions before the current one. */
function revertSnippet(context: Context) {
  context.requireAdmin();
  const to = context.form.get("to");
  if (to === undefined) throw badRequest("You must specify where to revert to");
  const row = find(context, "dhcpSnippets", "DHCPSnippet");
  const history = row.history as { id: number; value: string; created: string }[];
  if (!/^-?\d+$/.test(to)) throw badRequest("'to' must be a number.");
  const wanted = Number(to);
  const index = wanted <= 0 ? -wanted : history.findIndex((one) => one.id === wanted);
  if (wanted <= 0 && index >= history.length) throw badRequest(`Goes too far back. Maximum ${history.length - 1}`.trimEnd());
  if (index < 0) throw new ApiError(404, `${to} not found in history`);
  row.history = history.slice(index);
  context.maas.store.touch();
  return snippetValue(row);
}

function requireDiscoveryAdmin(context: Context): void {
  if (!context.isAdmin) throw refusal(403, "Must be an administrator to clear discovery entries.");
}

/** Everything at once. */
function clearDiscoveries(context: Context) {
  requireDiscoveryAdmin(context);
  if (!["all", "mdns", "neighbours"].some((name) => /^(1|t|true|y|yes|on)$/i.test(context.form.get(name) ?? "")))
    throw refusal(400, "Bad request: could not determine what data to clear.\nMust specify mdns=True, neighbours=True, or all=True.");
  context.maas.store.remove("discoveries", () => true);
  return deleted();
}

/** What one machine was seen with; 410 where it never was. */
function clearDiscovery(context: Context) {
  const ip = mandatory(context.form, "ip");
  const mac = mandatory(context.form, "mac");
  requireDiscoveryAdmin(context);
  const seen = (row: Plain) => row.ip === ip && row.mac_address === mac;
  if (!context.maas.tables.discoveries.some(seen)) return text("Gone", 410);
  context.maas.store.remove("discoveries", seen);
  return deleted();
}

function discovery(context: Context): Plain {
  const wanted = context.parameter("id");
  const row = context.maas.tables.discoveries.find((candidate) => candidate.discovery_id === wanted);
  if (!row) throw notFound("Discovery");
  return row;
}

/** What MAAS looks for on its networks is not simulated: a scan finds nothing. */
function scan(context: Context) {
  if (!checkbox(context.form.get("force"))) {
    throw refusal(
      400,
      "Bad request: scanning all subnets is not allowed unless force=True is specified.\n\n" +
        "**WARNING: This will scan ALL networks attached to MAAS rack controllers.\n" +
        "Check with your internet service provider or IT department to be sure this is\nallowed before proceeding.**\n",
    );
  }
  throw refusal(400, "the simulator has no networks to scan");
}

function saveLicenseKey(context: Context): never {
  const form = new Form(context.form);
  // No system that MAAS has images of takes a key.
  const none = (field: string, value: string) => `'${value}' is not a valid ${field}.  It should be one of: .`;
  const system = form.get("osystem");
  form.required("osystem", (value) => none("osystem", value));
  form.required("distro_series", (value) => none("distro_series", value.includes("/") ? value : `${system}/${value}`));
  form.required("license_key");
  form.done();
  throw refusal(400, "the simulator has no operating system with licence keys");
}

const showFile = (row: Plain, withContent: boolean) => ({
  filename: row.filename,
  anon_resource_uri: `/MAAS/api/2.0/files/?op=get_by_key&key=${row.key}`,
  resource_uri: `/MAAS/api/2.0/files/${row.filename}/`,
  ...(withContent ? { content: row.content } : {}),
});

function createFile(context: Context) {
  const { store } = context.maas;
  const filename = context.form.get("filename");
  const file = context.request.files.get("file") ?? [...context.request.files.values()][0];
  if (!filename) throw badRequest("Filename not supplied");
  if (!file) throw badRequest("File not supplied");
  store.remove("files", (row) => row.filename === filename && row.ownerId === context.user.id);
  store.insert("files", { id: store.nextId("files"), filename, content: file.toString("base64"), key: uuid(), ownerId: context.user.id });
  return text("", 201, contentTypes.html);
}

/** @param asPage whether a file that is not there gets the web server's own page */
function fileNamed(context: Context, filename: string, asPage = false): Plain {
  const row = context.maas.tables.files.find((candidate) => candidate.filename === filename && candidate.ownerId === context.user.id);
  if (!row && asPage) throw new ApiError(404, "", contentTypes.html, { Vary: "Authorization, Cookie", "X-Frame-Options": "DENY" });
  if (!row) throw notFound("FileStorage");
  return row;
}

const raw = (row: Plain) => text(Buffer.from(String(row.content), "base64"), 200, contentTypes.html);

function fileByKey(context: Context) {
  const key = mandatory(context.query, "key");
  const row = context.maas.tables.files.find((candidate) => candidate.key === key);
  if (!row) throw notFound("FileStorage");
  return raw(row);
}

function listFiles(context: Context) {
  const prefix = context.query.get("prefix") ?? "";
  return context.maas.tables.files
    .filter((row) => row.ownerId === context.user.id && String(row.filename).startsWith(prefix))
    .map((row) => showFile(row, false));
}

function removeFile(context: Context, filename: string) {
  const row = fileNamed(context, filename);
  context.maas.store.remove("files", (candidate) => candidate.id === row.id);
  return deleted();
}

const remove = (table: PlainTable, model: string) => (context: Context) => {
  context.requireAdmin();
  const row = find(context, table, model);
  context.maas.store.remove(table, (candidate) => (candidate as Plain).id === row.id);
  return deleted();
};

export const miscellaneousEndpoints: Endpoint<Context>[] = [
  {
    path: "package-repositories/",
    operations: {
      GET: ({ maas }) => maas.tables.packageRepositories.map(withUri("package-repositories")),
      POST: (context) => saveRepository(context),
    },
  },
  {
    path: "package-repositories/{id}/",
    operations: {
      GET: (context) => withUri("package-repositories")(find(context, "packageRepositories", "PackageRepository")),
      PUT: (context) => {
        context.requireAdmin();
        return saveRepository(context, find(context, "packageRepositories", "PackageRepository"));
      },
      DELETE: remove("packageRepositories", "PackageRepository"),
    },
  },
  {
    path: "dhcp-snippets/",
    operations: { GET: ({ maas }) => maas.tables.dhcpSnippets.map(snippetValue), POST: (context) => saveSnippet(context) },
  },
  {
    path: "dhcp-snippets/{id}/",
    operations: {
      GET: (context) => snippetValue(find(context, "dhcpSnippets", "DHCPSnippet")),
      PUT: (context) => {
        context.requireAdmin();
        return saveSnippet(context, find(context, "dhcpSnippets", "DHCPSnippet"));
      },
      DELETE: remove("dhcpSnippets", "DHCPSnippet"),
      "POST revert": revertSnippet,
    },
  },
  {
    path: "license-keys/",
    adminsOnly: true,
    operations: { GET: ({ maas }) => maas.tables.licenseKeys, POST: saveLicenseKey },
  },
  {
    path: "discovery/",
    operations: {
      GET: ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_mac": ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_ip": ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_ip_and_mac": ({ maas }) => maas.tables.discoveries,
      "POST scan": scan,
      "POST clear": clearDiscoveries,
      "POST clear_by_mac_and_ip": clearDiscovery,
    },
  },
  { path: "discovery/{id}/", operations: { GET: discovery } },
  {
    path: "files/",
    operations: {
      GET: listFiles,
      POST: createFile,
      DELETE: (context) => removeFile(context, mandatory(context.query, "filename")),
      "GET get": (context) => raw(fileNamed(context, mandatory(context.query, "filename"))),
      "GET get_by_key": fileByKey,
    },
    anonymous: { "GET get_by_key": fileByKey },
  },
  {
    path: "files/{filename}/",
    operations: {
      GET: (context) => showFile(fileNamed(context, context.parameter("filename"), true), true),
      DELETE: (context) => removeFile(context, context.parameter("filename")),
    },
  },
];

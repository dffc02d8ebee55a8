/** Small collections: package repositories, notifications, DHCP snippets, files, license keys, discoveries. */
import { badRequest, contentTypes, deleted, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, mandatory } from "../http/forms";
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

function notification(
  id: number,
  ident: string,
  category: string,
  message: string,
  options: { users?: boolean; dismissable?: boolean } = {},
) {
  return {
    ident,
    user: null,
    users: options.users ?? false,
    admins: true,
    message,
    context: {},
    category,
    dismissable: options.dismissable ?? true,
    id,
    resource_uri: `/MAAS/api/2.0/notifications/${id}/`,
  };
}

/** What a region tells its administrators: derived from its state, as far as the simulator knows it. */
function notifications({ maas }: Context) {
  const series = String(maas.config.commissioning_distro_series);
  const selected = maas.tables.bootSelections.some((row) => row.release === series);
  const list = [
    notification(
      2,
      "deprecation_MD6_admins",
      "warning",
      "DHCP snippets are deprecated and will be removed in the next major release.<br><a class='p-link--external' href='https://maas.io/deprecations/MD6'>How to replace DHCP snippets...</a>",
    ),
    notification(
      4,
      "deprecation_MD5_admins",
      "warning",
      "The PostgreSQL version in use is older than 16.<br><a class='p-link--external' href='https://maas.io/deprecations/MD5'>How to upgrade the PostgreSQL server...</a>",
      { dismissable: false },
    ),
  ];
  if (!selected) {
    list.push(
      notification(
        6,
        "commissioning_series_unselected",
        "error",
        `ubuntu ${series} is configured as the commissioning release but it is not selected for download!`,
        { users: true },
      ),
    );
    list.push(
      notification(
        7,
        "commissioning_series_unavailable",
        "error",
        `ubuntu ${series} is configured as the commissioning release but it is unavailable in the configured streams!`,
        { users: true },
      ),
    );
  }
  if (!maas.tables.vlans.some((vlan) => vlan.dhcpOn)) {
    list.push(
      notification(
        8,
        "dhcp_disabled_all_vlans",
        "warning",
        "DHCP is not enabled on any VLAN.  This will prevent machines from being able to PXE boot, unless an external DHCP server is being used.",
      ),
    );
  }
  return list;
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
  const value = form.required("value");
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

function fileNamed(context: Context, filename: string): Plain {
  const row = context.maas.tables.files.find((candidate) => candidate.filename === filename && candidate.ownerId === context.user.id);
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

function removeFile(context: Context) {
  const row = fileNamed(context, context.parameter("filename"));
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
      PUT: (context) => saveRepository(context, find(context, "packageRepositories", "PackageRepository")),
      DELETE: remove("packageRepositories", "PackageRepository"),
    },
  },
  { path: "notifications/", operations: { GET: notifications } },
  {
    path: "dhcp-snippets/",
    operations: { GET: ({ maas }) => maas.tables.dhcpSnippets.map(snippetValue), POST: (context) => saveSnippet(context) },
  },
  {
    path: "dhcp-snippets/{id}/",
    operations: {
      GET: (context) => snippetValue(find(context, "dhcpSnippets", "DHCPSnippet")),
      PUT: (context) => saveSnippet(context, find(context, "dhcpSnippets", "DHCPSnippet")),
      DELETE: remove("dhcpSnippets", "DHCPSnippet"),
    },
  },
  { path: "license-keys/", operations: { GET: ({ maas }) => maas.tables.licenseKeys } },
  {
    path: "discovery/",
    operations: {
      GET: ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_mac": ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_ip": ({ maas }) => maas.tables.discoveries,
      "GET by_unknown_ip_and_mac": ({ maas }) => maas.tables.discoveries,
    },
  },
  {
    path: "files/",
    operations: {
      GET: listFiles,
      POST: createFile,
      "GET get": (context) => raw(fileNamed(context, mandatory(context.query, "filename"))),
      "GET get_by_key": fileByKey,
    },
    anonymous: { "GET get_by_key": fileByKey },
  },
  {
    path: "files/{filename}/",
    operations: { GET: (context) => showFile(fileNamed(context, context.parameter("filename")), true), DELETE: removeFile },
  },
];

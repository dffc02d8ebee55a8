/** Images and where they come from. */
import { createHash } from "node:crypto";
import { badRequest, crashed, deleted, json, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Plain } from "../state/model";
import { create, put, sets, showUploaded } from "./uploads";

const types: Record<string, string> = { synced: "Synced", uploaded: "Uploaded" };

function show(row: Plain) {
  return {
    id: row.id,
    type: row.type,
    name: String(row.name).replace(/^custom\//, ""),
    architecture: row.architecture,
    last_deployed: row.lastDeployed,
    ...(row.type === "Uploaded" ? showUploaded(row) : { subarches: row.subarches, platform: "generic", supported_platforms: "generic" }),
    resource_uri: `/MAAS/api/2.0/boot-resources/${row.id}/`,
  };
}

function list(context: Context) {
  const wanted = context.query.get("type");
  if (wanted !== undefined && wanted !== "all" && !types[wanted])
    throw badRequest(`'${wanted}' is not a valid boot resource type. Available types: ${Object.keys(types).join(", ")}`);
  return context.maas.tables.bootResources
    .filter((row) => wanted === undefined || wanted === "all" || row.type === types[wanted])
    .sort((a, b) => (String(a.name) < String(b.name) ? -1 : String(a.name) > String(b.name) ? 1 : a.id - b.id))
    .map(show);
}

function find(context: Context): Plain {
  const row = context.maas.tables.bootResources.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("BootResource");
  return row;
}

function showOne(context: Context) {
  const row = find(context);
  return { ...show(row), sets: row.type === "Uploaded" ? sets(row) : syncedSets(context, row) };
}

function remove(context: Context) {
  context.requireAdmin();
  const row = context.maas.tables.bootResources.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw crashed("BootResource matching query does not exist.");
  context.maas.store.remove("bootResources", (candidate) => candidate.id === row.id);
  return deleted();
}

const sourceUri = (row: Plain) => `/MAAS/api/2.0/boot-sources/${row.id}/`;
const showSource = (row: Plain) => ({
  url: row.url,
  keyring_filename: row.keyring_filename,
  keyring_data: row.keyring_data,
  created: row.created,
  updated: row.updated,
  id: row.id,
  resource_uri: sourceUri(row),
});

function findSource(context: Context): Plain {
  const row = context.maas.tables.bootSources.find((candidate) => String(candidate.id) === context.parameter("source"));
  if (!row) throw notFound("BootSource");
  return row;
}

function saveSource(context: Context, source?: Plain) {
  context.requireAdmin();
  const { store } = context.maas;
  const form = new Form(context.form, !source);
  const url = form.required("url", (value) => (/^https?:\/\/\S+$/.test(value) ? undefined : "Enter a valid URL."));
  const filename = form.get("keyring_filename") ?? source?.keyring_filename ?? "";
  const data = context.request.files.get("keyring_data")?.toString("base64") ?? source?.keyring_data ?? "";
  if (!filename && !data) form.error("__all__", "One of keyring_data or keyring_filename must be specified.");
  form.done();
  const now = context.maas.timestamp();
  if (source) {
    Object.assign(source, { url: url ?? source.url, keyring_filename: filename, keyring_data: data, updated: now });
    store.touch();
    return showSource(source);
  }
  return json(
    showSource(
      store.insert("bootSources", {
        id: store.nextId("bootSources"),
        url,
        keyring_filename: filename,
        keyring_data: data,
        created: now,
        updated: now,
      }),
    ),
    201,
  );
}

function removeSource(context: Context) {
  context.requireAdmin();
  const source = findSource(context);
  context.maas.store.remove("bootSelections", (row) => row.sourceId === source.id);
  context.maas.store.remove("bootSources", (row) => row.id === source.id);
  return deleted();
}

const showSelection = (row: Plain) => ({
  os: row.os,
  release: row.release,
  arches: row.arches,
  subarches: row.subarches,
  labels: row.labels,
  boot_source_id: row.sourceId,
  id: row.id,
  resource_uri: `/MAAS/api/2.0/boot-sources/${row.sourceId}/selections/${row.id}/`,
});

function findSelection(context: Context): Plain {
  const source = findSource(context);
  const row = context.maas.tables.bootSelections.find(
    (candidate) => candidate.sourceId === source.id && String(candidate.id) === context.parameter("id"),
  );
  if (!row) throw notFound("BootSourceSelection");
  return row;
}

function saveSelection(context: Context, selection?: Plain) {
  context.requireAdmin();
  const source = findSource(context);
  const { store, tables } = context.maas;
  const form = new Form(context.form, !selection);
  const os = form.get("os") ?? selection?.os ?? "ubuntu";
  const release = form.get("release") ?? selection?.release;
  if (!release) form.error("release", required);
  // MAAS takes what it has read of the source; of one that is new, nothing yet.
  if (context.maas.now() - Date.parse(String(source.updated)) < (context.maas.options.images?.readSource ?? 0) * 1000)
    form.error("os", `OS ${os} with release ${release} has no available images for download`);
  if (tables.bootSelections.some((row) => row !== selection && row.sourceId === source.id && row.os === os && row.release === release)) {
    form.error("__all__", "Boot source selection with this Boot source, Os and Release already exists.");
  }
  form.done();
  const all = (name: string) => (form.has(name) ? form.fields.all(name) : ((selection?.[name] as string[] | undefined) ?? ["*"]));
  const values = { os, release, arches: all("arches"), subarches: all("subarches"), labels: all("labels") };
  if (selection) {
    Object.assign(selection, values);
    store.touch();
    return showSelection(selection);
  }
  return json(showSelection(store.insert("bootSelections", { id: store.nextId("bootSelections"), sourceId: source.id, ...values })), 201);
}

const isImporting = ({ maas }: Context) => maas.tables.bootResources.some((row) => Number(row.completeAt ?? 0) > maas.now());

/** One version of the image; its files are names only. A row is there before its files are. */
function syncedSets(context: Context, row: Plain) {
  const complete = Number(row.completeAt ?? 0) <= context.maas.now();
  const progress = complete ? {} : { progress: 0 };
  const file = (filetype: string, size: number) => ({
    filename: filetype,
    filetype,
    sha256: createHash("sha256").update(`${row.name}/${row.architecture}/${filetype}`).digest("hex"),
    filename_on_disk: `${row.id}-${filetype}`,
    size,
    complete,
    ...progress,
  });
  const files = [file("boot-kernel", 12_000_000), file("boot-initrd", 60_000_000), file("squashfs", 300_000_000)];
  const size = files.reduce((sum, each) => sum + each.size, 0);
  return {
    "20240101": {
      version: "20240101",
      label: "stable",
      size,
      complete,
      ...progress,
      files: Object.fromEntries(files.map((each) => [each.filename, each])),
    },
  };
}

/** Imports what is selected: the simulator's images are names only. */
function importImages(context: Context) {
  context.requireAdmin();
  const { store, tables } = context.maas;
  const completeAt = context.maas.now() + (context.maas.options.images?.import ?? 0) * 1000;
  const versions: Record<string, string> = { noble: "24.04", jammy: "22.04", focal: "20.04", plucky: "25.04", questing: "25.10" };
  for (const selection of tables.bootSelections) {
    const name = `${selection.os}/${selection.release}`;
    const version = versions[String(selection.release)];
    const arches = selection.arches as string[];
    for (const arch of arches.includes("*") ? ["amd64", "arm64"] : arches) {
      for (const kernel of version ? [`ga-${version}`, `hwe-${version}`] : ["generic"]) {
        const architecture = `${arch}/${kernel}`;
        if (tables.bootResources.some((row) => row.name === name && row.architecture === architecture)) continue;
        store.insert("bootResources", {
          id: store.nextId("bootResources"),
          name,
          type: "Synced",
          architecture,
          subarches: `generic,${kernel}`,
          lastDeployed: null,
          completeAt,
        });
      }
    }
  }
  return text("Import of boot resources started", 200, "text/plain; charset=utf-8");
}

function removeSelection(context: Context) {
  context.requireAdmin();
  const row = findSelection(context);
  context.maas.store.remove("bootSelections", (candidate) => candidate.id === row.id);
  return deleted();
}

const selections = (context: Context) => {
  const source = findSource(context);
  return context.maas.tables.bootSelections.filter((row) => row.sourceId === source.id).map(showSelection);
};

export const bootResourceEndpoints: Endpoint<Context>[] = [
  {
    path: "boot-resources/",
    operations: {
      GET: list,
      POST: (context) => create(context, show),
      "POST import": importImages,
      "POST stop_import": () => text("Import of boot resources is being stopped", 200, "text/plain; charset=utf-8"),
      "GET is_importing": isImporting,
    },
  },
  { path: "boot-resources/{id}/", operations: { GET: showOne, DELETE: remove } },
  { path: "boot-resources/{id}/upload/{file}/", operations: { PUT: put } },
  {
    path: "boot-sources/",
    adminsOnly: true,
    operations: { GET: ({ maas }) => maas.tables.bootSources.map(showSource), POST: (context) => saveSource(context) },
  },
  {
    path: "boot-sources/{source}/",
    adminsOnly: true,
    operations: {
      GET: (context) => showSource(findSource(context)),
      PUT: (context) => saveSource(context, findSource(context)),
      DELETE: removeSource,
    },
  },
  {
    path: "boot-sources/{source}/selections/",
    adminsOnly: true,
    operations: { GET: selections, POST: (context) => saveSelection(context) },
  },
  {
    path: "boot-sources/{source}/selections/{id}/",
    adminsOnly: true,
    operations: {
      GET: (context) => showSelection(findSelection(context)),
      PUT: (context) => saveSelection(context, findSelection(context)),
      DELETE: removeSelection,
    },
  },
];

/** Images that somebody uploads, in pieces: their bytes are counted and hashed, not kept. */
import { createHash } from "node:crypto";
import { badRequest, json, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice } from "../http/forms";
import type { Plain } from "../state/model";

const filetypes: Record<string, string> = {
  ...Object.fromEntries(
    ["tgz", "tbz", "txz", "ddtgz", "ddtar", "ddraw", "ddbz2", "ddtbz", "ddxz", "ddtxz", "ddgz"].map((one) => [one, one]),
  ),
  tar: "tar",
  "self-extracting": "self-extracting",
};
const architectures = /^(amd64|arm64|armhf|i386|ppc64el|s390x)\/[\w.-]+$/;

/** Bytes of uploads under way, by image; a restart of the simulator loses them. */
const pieces = new WeakMap<Plain, Buffer[]>();

interface Upload {
  fileId: number;
  version: string;
  size: number;
  sha256: string;
  received: number;
}

/** What an uploaded image shows beside the usual: its title, and the system that it is made from. */
export function showUploaded(row: Plain) {
  const custom = !String(row.name).includes("/") || String(row.name).startsWith("custom/");
  return { title: row.title ?? "", subarches: row.subarches, ...(custom ? { base_image: row.baseImage ?? "ubuntu/noble" } : {}) };
}

export function sets(row: Plain): Record<string, unknown> {
  const upload = row.upload as Upload | undefined;
  if (!upload) return {};
  const filename = `root.${row.filetype}`;
  const complete = upload.received === upload.size;
  const progress = complete ? {} : { progress: (100 * upload.received) / upload.size };
  const file = {
    filename,
    filetype: `root-${row.filetype}`,
    sha256: upload.sha256,
    filename_on_disk: upload.sha256.slice(0, 7),
    size: upload.size,
    complete,
    ...progress,
    ...(complete ? {} : { upload_uri: `/MAAS/api/2.0/boot-resources/${row.id}/upload/${upload.fileId}/` }),
  };
  const { version, size } = upload;
  return { [version]: { version, label: "uploaded", size, complete, ...progress, files: { [filename]: file } } };
}

export function create(context: Context, show: (row: Plain) => object) {
  context.requireAdmin();
  const { store, tables } = context.maas;
  const form = new Form(context.form);
  const name = form.required("name");
  const architecture = form.required("architecture", (value) => (architectures.test(value) ? undefined : invalidChoice(value)));
  const filetype = form.optional("filetype", (value) => (filetypes[value] ? undefined : invalidChoice(value)));
  const sha256 = form.required("sha256", (value) =>
    value.length < 64 ? `Ensure this value has at least 64 characters (it has ${value.length}).` : undefined,
  );
  const size = form.required("size", (value) => (/^\d+$/.test(value) ? undefined : "Enter a whole number."));
  form.done();
  const full = name!.includes("/") ? name! : `custom/${name}`;
  const existing = tables.bootResources.find((row) => row.name === full && row.architecture === architecture);
  const row =
    existing ??
    store.insert("bootResources", {
      id: store.nextId("bootResources"),
      name: full,
      type: "Uploaded",
      architecture,
      subarches: architecture!.split("/")[1],
      lastDeployed: null,
    });
  const day = context.maas.timestamp().slice(0, 10).replaceAll("-", "");
  const before = (row.upload as Upload | undefined)?.version;
  const version = before?.startsWith(day) ? `${day}.${Number(before.split(".")[1] ?? 0) + 1}` : day;
  const upload: Upload = { fileId: store.nextId("bootResourceFiles"), version, size: Number(size), sha256: sha256!, received: 0 };
  Object.assign(row, {
    title: form.get("title") ?? "",
    filetype: filetype || "tgz",
    baseImage: form.get("base_image") || undefined,
    upload,
  });
  pieces.delete(row);
  store.touch();
  return json({ ...show(row), sets: sets(row) }, 201);
}

/** One piece; with the last one the whole must have the digest that was announced. */
export function put(context: Context) {
  context.requireAdmin();
  const row = context.maas.tables.bootResources.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("BootResource");
  const upload = row.upload as Upload | undefined;
  if (!upload || String(upload.fileId) !== context.parameter("file")) throw notFound("BootResourceFile");
  const body = context.request.rawBody;
  if (body.length === 0) throw badRequest("Missing data.");
  if (upload.received === upload.size) throw badRequest("Cannot upload to a complete file.");
  if (upload.received + body.length > upload.size) throw badRequest("Too much data received.");
  const all = [...(pieces.get(row) ?? []), body];
  pieces.set(row, all);
  upload.received += body.length;
  context.maas.store.touch();
  if (upload.received === upload.size) {
    pieces.delete(row);
    const digest = createHash("sha256");
    for (const piece of all) digest.update(piece);
    if (digest.digest("hex") !== upload.sha256) {
      upload.received = 0;
      throw badRequest("Saved content does not match given SHA256 value.");
    }
  }
  return text("OK");
}

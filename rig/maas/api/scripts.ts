/** Commissioning, testing and release scripts: uploaded with their metadata header, revisions kept. */
import yaml from "js-yaml";
import { badRequest, contentTypes, deleted, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form, formErrors, mandatory, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Script } from "../state/model";

const typeNames: Record<number, string> = { 0: "Commissioning script", 2: "Testing script", 3: "Release script" };
const hardwareNames = ["Node", "CPU", "Memory", "Storage", "Network", "GPU"];
const parallelNames = ["Disabled", "Run along other instances of this script", "Run along any other script."];
const types: Record<string, number> = { commissioning: 0, commission: 0, "0": 0, testing: 2, test: 2, "2": 2, release: 3, "3": 3 };
const hardwareTypes: Record<string, number> = {
  node: 0,
  controller: 0,
  other: 0,
  generic: 0,
  cpu: 1,
  processor: 1,
  memory: 2,
  ram: 2,
  storage: 3,
  disk: 3,
  ssd: 3,
  network: 4,
  net: 4,
  interface: 4,
  gpu: 5,
  graphics: 5,
};
const parallelTypes: Record<string, number> = { disabled: 0, none: 0, "0": 0, instance: 1, name: 1, "1": 1, any: 2, enabled: 2, "2": 2 };
/** The tag that MAAS adds for what a script is about. */
const hardwareTags = ["node", "cpu", "memory", "storage", "network", "gpu"];

export const typeMessage = "Script type must be commissioning, testing or release";
export const scriptType = (value: string): number | undefined => types[value.toLowerCase()];

/** Python's `%a, %d %b %Y %H:%M:%S %z`. */
export const httpDate = (iso: string | null) => (iso === null ? null : new Date(iso).toUTCString().replace("GMT", "+0000"));

function show(script: Script, withScript = false) {
  return {
    name: script.name,
    title: script.title,
    description: script.description,
    tags: script.tags,
    hardware_type: script.hardwareType,
    parallel: script.parallel,
    results: script.results,
    parameters: script.parameters,
    packages: script.packages,
    timeout: script.timeout,
    destructive: script.destructive,
    default: script.default,
    for_hardware: script.forHardware,
    may_reboot: script.mayReboot,
    recommission: script.recommission,
    apply_configured_networking: script.applyConfiguredNetworking,
    id: script.id,
    parallel_name: parallelNames[script.parallel],
    hardware_type_name: hardwareNames[script.hardwareType],
    type: script.type,
    type_name: typeNames[script.type],
    history: script.revisions.map(({ id, comment, created, data }) => ({
      id,
      comment,
      created: httpDate(created),
      ...(withScript ? { data } : {}),
    })),
    resource_uri: `/MAAS/api/2.0/scripts/${script.name}`,
  };
}

function find(context: Context): Script {
  const wanted = context.parameter("name");
  const script = context.maas.tables.scripts.find((row) => row.name === wanted || String(row.id) === wanted);
  if (!script) throw notFound("Script");
  return script;
}

const header =
  /^\s*#\s*-+\s*Start MAAS (?<version>\d+\.\d+) script metadata\s*-+\s*$(?<yaml>[\s\S]*?)^\s*#\s*-+\s*End MAAS \d+\.\d+ script metadata\s*-+\s*$/m;

/** The embedded YAML; an error message where it is none. */
function metadata(content: string): Record<string, unknown> | string {
  const found = header.exec(content)?.groups;
  if (!found) return {};
  if (found.version !== "1.0") return `Only version 1.0 metadata is currently supported.`;
  const body = found
    .yaml!.split("\n")
    .map((line) => line.replace(/^\s*#\s?/, ""))
    .join("\n")
    .trim();
  try {
    const value = yaml.load(body);
    return value && typeof value === "object" ? (value as Record<string, unknown>) : {};
  } catch (error) {
    return `Invalid YAML: ${pythonYamlError(error as yaml.YAMLException, body)}`;
  }
}

/** In the words of Python's parser, which clients have learnt to read. */
function pythonYamlError(error: yaml.YAMLException, body: string): string {
  const { line = 0, column = 0 } = (error.mark ?? {}) as { line?: number; column?: number };
  const where = `in "<unicode string>", line ${line + 1}, column ${column + 1}:\n    ${body.split("\n")[line] ?? ""}\n    ${" ".repeat(column)}^`;
  const flow = /end of the stream within a flow collection/.test(error.message);
  return flow
    ? `while parsing a flow node\nexpected the node content, but found '<stream end>'\n  ${where}`
    : `${error.reason ?? error.message}\n  ${where}`;
}

function timeout(value: unknown): string | undefined {
  // YAML 1.1 reads `00:10:00` as a number of base 60; js-yaml leaves it a string.
  const text = String(value);
  const parts = /^\d+$/.test(text)
    ? [0, 0, Number(text)]
    : /^\d+(:\d+){1,2}$/.test(text)
      ? [0, ...text.split(":").map(Number)].slice(-3)
      : undefined;
  if (!parts) return undefined;
  const seconds = parts[0]! * 3600 + parts[1]! * 60 + parts[2]!;
  const two = (number: number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const stringList = (value: unknown) =>
  Array.isArray(value)
    ? value.map(String)
    : String(value)
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean);

function upload(context: Context): string | undefined {
  const name = context.parameters.name;
  const files = context.request.files;
  const file = files.get("script") ?? (name ? files.get(name) : undefined) ?? [...files.values()][0];
  return file?.toString("utf8") ?? context.form.get("script");
}

function read(context: Context, script?: Script) {
  const form = new Form(context.form, !script);
  const content = upload(context);
  if (content === undefined && !script) {
    form.error("script", "Must be given a value");
    if (!form.has("name")) form.error("name", required);
  }
  if (content !== undefined && !content.startsWith("#!")) form.error("script", "Must start with shebang.");
  const embedded = content === undefined ? {} : metadata(content);
  if (typeof embedded === "string") form.error("script", embedded);
  form.done();
  const given = (field: string) => (embedded as Record<string, unknown>)[field] ?? (form.has(field) ? form.get(field) : undefined);
  const name = given("name") === undefined ? undefined : String(given("name"));
  if (!name && !script) form.error("name", "This field is required.");
  if (name?.toLowerCase() === "none") form.error("name", '"none" is a reserved name.');
  if (name && context.maas.tables.scripts.some((row) => row.name === name && row !== script))
    form.error("name", "Script with this Name already exists.");
  const typeValue = (embedded as Record<string, unknown>).script_type ?? form.get("type") ?? form.get("script_type");
  const type = typeValue === undefined ? undefined : scriptType(String(typeValue));
  if (typeValue !== undefined && type === undefined) form.error("script_type", typeMessage);
  const hardwareValue = given("hardware_type");
  const hardwareType =
    hardwareValue === undefined
      ? undefined
      : (hardwareTypes[String(hardwareValue).toLowerCase()] ?? (/^[0-5]$/.test(String(hardwareValue)) ? Number(hardwareValue) : undefined));
  if (hardwareValue !== undefined && hardwareType === undefined)
    form.error("hardware_type", "Hardware type must be node, cpu, memory, storage, or gpu");
  const parallelValue = given("parallel");
  const parallel = parallelValue === undefined ? undefined : parallelTypes[String(parallelValue).toLowerCase()];
  if (parallelValue !== undefined && parallel === undefined) form.error("parallel", "Parallel must be disabled, instance, or any.");
  const timeoutValue = given("timeout");
  const limit = timeoutValue === undefined ? undefined : timeout(timeoutValue);
  if (timeoutValue !== undefined && limit === undefined) form.error("timeout", "Enter a valid duration.");
  const comment = form.get("comment");
  if (script && comment !== undefined && content === undefined)
    form.error("comment", '"comment" may only be used when specifying a "script" as well.');
  if (script?.default && content !== undefined) form.error("script", "Not allowed to change on default scripts.");
  form.done();
  const flag = (field: string) => {
    const value = given(field);
    return value === undefined ? undefined : typeof value === "boolean" ? value : checkbox(String(value));
  };
  const values = {
    name,
    type,
    hardwareType,
    parallel,
    timeout: limit,
    title: given("title") as string | undefined,
    description: given("description") as string | undefined,
    tags: given("tags") === undefined ? undefined : stringList(given("tags")),
    destructive: flag("destructive"),
    mayReboot: flag("may_reboot"),
    recommission: flag("recommission"),
    applyConfiguredNetworking: flag("apply_configured_networking"),
    results: given("results"),
    parameters: given("parameters") as Record<string, unknown> | undefined,
    packages: given("packages"),
    forHardware: given("for_hardware") === undefined ? undefined : stringList(given("for_hardware")),
  };
  return {
    content,
    comment,
    values: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Script>,
  };
}

function revision(context: Context, content: string, comment: string | undefined) {
  return {
    id: context.maas.store.nextId("versionedText"),
    comment: comment ?? null,
    created: context.maas.timestamp(),
    data: Buffer.from(content).toString("base64"),
  };
}

function withHardwareTag(tags: string[], hardwareType: number, destructive: boolean): string[] {
  const result = [...tags];
  if (destructive && !result.includes("destructive")) result.push("destructive");
  const own = hardwareTags[hardwareType]!;
  return result.includes(own) ? result : [...result, own];
}

function create(context: Context) {
  context.requireAdmin();
  const { store } = context.maas;
  const { content, comment, values } = read(context);
  const script: Script = {
    id: store.nextId("scripts"),
    name: "",
    title: "",
    description: "",
    type: 2,
    hardwareType: 0,
    parallel: 0,
    tags: [],
    timeout: "0:00:00",
    destructive: false,
    default: false,
    results: {},
    parameters: {},
    packages: {},
    forHardware: [],
    mayReboot: false,
    recommission: false,
    applyConfiguredNetworking: false,
    revisions: [revision(context, content!, comment)],
    ...values,
  };
  script.tags = withHardwareTag(script.tags, script.hardwareType, script.destructive);
  return show(store.insert("scripts", script));
}

function update(context: Context) {
  context.requireAdmin();
  const script = find(context);
  const { content, comment, values } = read(context, script);
  Object.assign(script, values);
  if (values.tags) script.tags = withHardwareTag(script.tags, script.hardwareType, script.destructive);
  if (content !== undefined && Buffer.from(content).toString("base64") !== script.revisions[0]?.data)
    script.revisions.unshift(revision(context, content, comment));
  context.maas.store.touch();
  return show(script);
}

function remove(context: Context) {
  context.requireAdmin();
  const script = find(context);
  if (script.default) throw badRequest("Unable to delete default script");
  context.maas.store.remove("scripts", (row) => row.id === script.id);
  return deleted();
}

function list(context: Context) {
  const { query, maas } = context;
  const wanted = query.get("type");
  const type = wanted === undefined ? undefined : scriptType(wanted);
  if (wanted !== undefined && type === undefined) throw badRequest(typeMessage);
  const hardware = query.get("hardware_type");
  const hardwareType = hardware === undefined ? undefined : hardwareTypes[hardware.toLowerCase()];
  if (hardware !== undefined && hardwareType === undefined) throw badRequest("Hardware type must be node, cpu, memory, storage, or gpu");
  const filters = query
    .all("filters")
    .flatMap((value) => value.split(","))
    .filter(Boolean);
  return maas.tables.scripts
    .filter((row) => (type === undefined || row.type === type) && (hardwareType === undefined || row.hardwareType === hardwareType))
    .filter((row) => filters.length === 0 || filters.some((one) => row.name === one || row.title === one || row.tags.includes(one)))
    .map((row) => show(row, Boolean(query.get("include_script"))));
}

function download(context: Context) {
  const script = find(context);
  const revisionId = context.query.get("revision");
  if (revisionId !== undefined && !/^-?\d+$/.test(revisionId)) throw badRequest("Invalid revision: Please enter an integer value");
  const chosen = revisionId === undefined ? script.revisions[0] : script.revisions.find((row) => String(row.id) === revisionId);
  if (!chosen) throw badRequest(`${revisionId} not found in history`);
  return text(Buffer.from(chosen.data, "base64"), 200, contentTypes.binary);
}

function revert(context: Context) {
  context.requireAdmin();
  const to = Number.parseInt(mandatory(context.form, "to"), 10);
  const script = find(context);
  if (script.default) throw badRequest("Unable to revert default script");
  if (!Number.isFinite(to)) throw badRequest("'to' must be an integer.");
  if (to === 0) return show(script);
  const index = to < 0 ? -to : script.revisions.findIndex((row) => row.id === to);
  if (index < 0 || index >= script.revisions.length) throw badRequest(to < 0 ? `Goes back too far.` : `${to} not found in history`);
  script.revisions.splice(0, index);
  const embedded = metadata(Buffer.from(script.revisions[0]!.data, "base64").toString("utf8"));
  if (typeof embedded !== "string" && embedded.title) script.title = String(embedded.title);
  context.maas.store.touch();
  return show(script);
}

function tag(context: Context, add: boolean) {
  context.requireAdmin();
  const name = mandatory(context.form, "tag");
  const script = find(context);
  if (name.includes(",")) throw formErrors({ tag: ['"," not allowed in tag.'] });
  script.tags = add ? (script.tags.includes(name) ? script.tags : [...script.tags, name]) : script.tags.filter((one) => one !== name);
  context.maas.store.touch();
  return show(script);
}

export const scriptEndpoints: Endpoint<Context>[] = [
  { path: "scripts/", operations: { GET: list, POST: create } },
  {
    path: "scripts/{name}",
    operations: {
      GET: (context) => show(find(context), Boolean(context.query.get("include_script"))),
      PUT: update,
      DELETE: remove,
      "GET download": download,
      "POST revert": revert,
      "POST add_tag": (context) => tag(context, true),
      "POST remove_tag": (context) => tag(context, false),
    },
  },
];

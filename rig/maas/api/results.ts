/** `nodes/{id}/results/`: how scripts went. */
import { badRequest, contentTypes, deleted, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import { ResultStatus, resultStatusNames, scriptTypeNames } from "../machine/script-sets";
import type { Node, ScriptResult, ScriptSet } from "../state/model";
import { httpDate, scriptType, typeMessage } from "./scripts";

const epoch = (iso: string | null) => (iso === null ? null : new Date(iso).getTime() / 1000);
const base64 = (value: string) => Buffer.from(value).toString("base64");

/** Python's `str(timedelta)` of whole seconds. */
function runtime(from: string | null, to: string | null): string {
  if (from === null || to === null) return "";
  const seconds = Math.max(0, Math.round((new Date(to).getTime() - new Date(from).getTime()) / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function showResult(result: ScriptResult, withOutput: boolean) {
  return {
    id: result.id,
    created: httpDate(result.created),
    updated: httpDate(result.updated),
    name: result.name,
    status: result.status,
    status_name: resultStatusNames[result.status],
    exit_status: result.exitStatus,
    started: httpDate(result.started),
    ended: httpDate(result.ended),
    runtime: runtime(result.started, result.ended),
    starttime: epoch(result.started),
    endtime: epoch(result.ended),
    estimated_runtime: "0:00:00",
    parameters: result.parameters,
    script_id: result.scriptId,
    script_revision_id: result.revisionId,
    suppressed: result.suppressed,
    ...(withOutput
      ? { output: base64(result.output), stdout: base64(result.stdout), stderr: base64(result.stderr), result: base64(result.result) }
      : {}),
  };
}

function matching(context: Context, set: ScriptSet): ScriptResult[] {
  const filters = context.query
    .all("filters")
    .flatMap((value) => value.split(","))
    .filter(Boolean);
  const tagged = (result: ScriptResult, filter: string) =>
    context.maas.tables.scripts.find((row) => row.id === result.scriptId)?.tags.includes(filter);
  return set.results
    .filter(
      (result) =>
        filters.length === 0 || filters.some((filter) => result.name === filter || String(result.id) === filter || tagged(result, filter)),
    )
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id));
}

function show(context: Context, set: ScriptSet) {
  const times = (pick: (result: ScriptResult) => string | null) =>
    set.results
      .map(pick)
      .filter((time): time is string => time !== null)
      .sort();
  const status = set.results.length === 0 ? -1 : context.maas.scripts.summary(set.results);
  const started = times((result) => result.started)[0] ?? null;
  const unfinished = set.results.some((result) => result.ended === null);
  const ended = unfinished ? null : (times((result) => result.ended).at(-1) ?? null);
  return {
    id: set.id,
    system_id: set.nodeId,
    type: set.type,
    type_name: scriptTypeNames[set.type],
    status,
    // MAAS looks -1 up from the end of its list of names.
    status_name: status === -1 ? resultStatusNames[11] : resultStatusNames[status],
    last_ping: httpDate(set.lastPing),
    started: httpDate(started),
    ended: httpDate(ended),
    runtime: runtime(started, ended),
    results: matching(context, set).map((result) => showResult(result, checkbox(context.query.get("include_output")))),
    resource_uri: `/MAAS/api/2.0/nodes/${set.nodeId}/results/${set.id}/`,
  };
}

function node(context: Context): Node {
  const found = context.maas.node(context.parameter("system_id"));
  context.requirePermission(context.maas.visible(found, context.user));
  return found;
}

function list(context: Context) {
  const of = node(context);
  const wanted = context.query.get("type");
  const type = wanted === undefined ? undefined : wanted === "installation" ? 1 : scriptType(wanted);
  if (wanted !== undefined && type === undefined) throw badRequest(typeMessage);
  return context.maas.scripts
    .ofNode(of)
    .filter((set) => type === undefined || set.type === type)
    .map((set) => show(context, set));
}

function find(context: Context): ScriptSet {
  const of = node(context);
  const wanted = context.parameter("id");
  const current: Record<string, number | null> = {
    "current-commissioning": of.commissioningSet,
    "current-testing": of.testingSet,
    "current-installation": of.installationSet,
    "current-release": of.releaseSet,
  };
  if (wanted in current) {
    const set = context.maas.scripts.get(current[wanted]!);
    if (!set) throw badRequest(`No ${wanted.replace("current-", "current ")} script set exists for this node.`);
    return set;
  }
  const set = context.maas.scripts.ofNode(of).find((row) => String(row.id) === wanted);
  if (!set) throw notFound("ScriptSet");
  return set;
}

/** Only plain text is made; archives hold the same files. */
function download(context: Context) {
  const set = find(context);
  const part = context.query.get("output") ?? "combined";
  const content = (result: ScriptResult) =>
    part === "stdout" ? result.stdout : part === "stderr" ? result.stderr : part === "result" ? result.result : result.output;
  const rows = matching(context, set);
  const bar = "-".repeat(80);
  const body =
    rows.length === 1 ? content(rows[0]!) : rows.map((result) => `${bar}\n${result.name}\n${bar}\n${content(result)}\n`).join("");
  return text(Buffer.from(body), 200, contentTypes.binary);
}

function update(context: Context) {
  context.requireAdmin();
  const set = find(context);
  const form = new Form(context.form, false);
  const suppressed = form.boolean("suppressed");
  if (suppressed === undefined) form.error("suppressed", "This field is required.");
  form.done();
  for (const result of matching(context, set)) if (result.status === ResultStatus.failed || !suppressed) result.suppressed = suppressed!;
  context.maas.store.touch();
  return show(context, set);
}

function remove(context: Context) {
  context.requireAdmin();
  const set = find(context);
  const of = node(context);
  for (const field of ["commissioningSet", "testingSet", "installationSet", "releaseSet"] as const)
    if (of[field] === set.id) of[field] = null;
  context.maas.store.remove("scriptSets", (row) => row.id === set.id);
  return deleted();
}

/** The older list of results, of all nodes at once: what has ended, with its output in base64. */
function outputs(context: Context) {
  const { query, maas } = context;
  const [ids, names] = [query.all("system_id"), query.all("name")];
  const type = query.get("result_type");
  const ended: number[] = [ResultStatus.passed, ResultStatus.failed, ResultStatus.timedOut, ResultStatus.aborted];
  const shown = (set: ScriptSet, row: ScriptResult, name: string, data: string) => ({
    id: row.id,
    name,
    created: row.created,
    updated: row.updated,
    script_result: row.exitStatus,
    result_type: set.type,
    node: { system_id: set.nodeId },
    data: base64(data),
    resource_uri: "/MAAS/api/2.0/commissioning-scripts/",
  });
  return maas.tables.nodes
    .filter((row) => maas.visible(row, context.user) && (ids.length === 0 || ids.includes(row.systemId)))
    .flatMap((row) => maas.scripts.ofNode(row))
    .filter((set) => type === undefined || String(set.type) === type)
    .flatMap((set) => set.results.map((row) => ({ set, row })))
    .filter(({ row }) => ended.includes(row.status) && (names.length === 0 || names.includes(row.name)))
    .flatMap(({ set, row }) => [
      shown(set, row, row.name, row.stdout || row.output),
      ...(row.stderr ? [shown(set, row, `${row.name}.err`, row.stderr)] : []),
    ]);
}

export const resultEndpoints: Endpoint<Context>[] = [
  { path: "nodes/{system_id}/results/", operations: { GET: list } },
  { path: "installation-results/", operations: { GET: outputs } },
  { path: "commissioning-results/", operations: { GET: outputs } },
  {
    path: "nodes/{system_id}/results/{id}/",
    operations: { GET: (context) => show(context, find(context)), PUT: update, DELETE: remove, "GET download": download },
  },
];

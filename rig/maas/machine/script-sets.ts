/** Commissioning, testing, installation and release runs: which scripts belong to one, and how they went. */
import type { ScriptOutcome } from "../../hardware";
import type { Node, Script, ScriptResult, ScriptSet } from "../state/model";
import type { World } from "../world";

export const ScriptType = { commissioning: 0, installation: 1, testing: 2, release: 3 } as const;
export const scriptTypeNames = ["Commissioning", "Installation", "Testing", "Release"];
export const ResultStatus = {
  pending: 0,
  running: 1,
  passed: 2,
  failed: 3,
  timedOut: 4,
  aborted: 5,
  degraded: 6,
  installing: 7,
  failedInstalling: 8,
  skipped: 9,
} as const;
export const resultStatusNames: Record<number, string> = {
  [-1]: "Unknown",
  0: "Pending",
  1: "Running",
  2: "Passed",
  3: "Failed",
  4: "Timed out",
  5: "Aborted",
  6: "Degraded",
  7: "Installing dependencies",
  8: "Failed installing dependencies",
  9: "Skipped",
  10: "Applying custom network configuration",
  11: "Failed to apply custom network configuration",
};
/** MAAS's hardware types, as named by the `…_test_status` fields. */
export const hardwareTestNames = ["other", "cpu", "memory", "storage", "network"] as const;

export class ScriptSets {
  constructor(private readonly maas: World) {}

  get(id: number | null): ScriptSet | undefined {
    return id === null ? undefined : this.maas.tables.scriptSets.find((row) => row.id === id);
  }

  ofNode(node: Node): ScriptSet[] {
    return this.maas.tables.scriptSets.filter((row) => row.nodeId === node.systemId);
  }

  scriptsOfType(type: number): Script[] {
    return this.maas.tables.scripts.filter((script) => script.type === type);
  }

  /** By name or by tag; `undefined` where one is unknown. */
  find(type: number, nameOrTag: string): Script[] {
    return this.scriptsOfType(type).filter(
      (script) => script.name === nameOrTag || script.tags.includes(nameOrTag) || String(script.id) === nameOrTag,
    );
  }

  commissioningScripts(requested: string[] | undefined): Script[] {
    const builtin = this.scriptsOfType(ScriptType.commissioning).filter((script) => script.default);
    const own = this.scriptsOfType(ScriptType.commissioning).filter((script) => !script.default);
    if (requested?.includes("none")) return builtin;
    if (!requested || requested.length === 0) return [...builtin, ...own.filter((script) => !script.tags.includes("noauto"))];
    return [...builtin, ...own.filter((script) => requested.some((name) => script.name === name || script.tags.includes(name)))];
  }

  testingScripts(requested: string[] | undefined): Script[] {
    if (requested?.includes("none")) return [];
    const wanted = requested && requested.length > 0 ? requested : ["commissioning"];
    return this.scriptsOfType(ScriptType.testing).filter((script) =>
      wanted.some((name) => script.name === name || script.tags.includes(name)),
    );
  }

  create(node: Node, type: 0 | 1 | 2 | 3, scripts: Script[], parameters: Record<string, Record<string, string>> = {}): ScriptSet {
    const { store } = this.maas;
    const set = store.insert("scriptSets", {
      id: store.nextId("scriptSets"),
      nodeId: node.systemId,
      type,
      requested: "",
      results: [],
      lastPing: null,
    });
    for (const script of scripts) set.results.push(this.newResult(script, parameters[script.name] ?? {}));
    this.prune(node, type);
    return set;
  }

  /** A result that is no script's: curtin's installation log. */
  addResult(set: ScriptSet, name: string): ScriptResult {
    const now = this.maas.timestamp();
    const result: ScriptResult = {
      id: this.maas.store.nextId("scriptResults"),
      name,
      scriptId: null,
      revisionId: null,
      status: ResultStatus.pending,
      exitStatus: null,
      parameters: {},
      created: now,
      updated: now,
      started: null,
      ended: null,
      stdout: "",
      stderr: "",
      output: "",
      result: "",
      suppressed: false,
      hardwareType: 0,
    };
    set.results.push(result);
    return result;
  }

  private newResult(script: Script, given: Record<string, string>): ScriptResult {
    const now = this.maas.timestamp();
    return {
      id: this.maas.store.nextId("scriptResults"),
      name: script.name,
      scriptId: script.id,
      revisionId: script.revisions[0]?.id ?? null,
      status: ResultStatus.pending,
      exitStatus: null,
      parameters: this.parametersOf(script, given),
      created: now,
      updated: now,
      started: null,
      ended: null,
      stdout: "",
      stderr: "",
      output: "",
      result: "",
      suppressed: false,
      hardwareType: script.hardwareType,
    };
  }

  /** Only parameters that have a value are kept with the result, the region's IPMI settings among them. */
  private parametersOf(script: Script, given: Record<string, string>): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [name, parameter] of Object.entries(script.parameters)) {
      const definition = parameter as Record<string, unknown>;
      if (definition.type === "storage" || definition.type === "interface") continue;
      const value = given[name] ?? definition.default ?? this.maas.config[name];
      if (value !== undefined && value !== null && value !== "") result[name] = { ...definition, value };
    }
    return result;
  }

  private prune(node: Node, type: number): void {
    const limits = [
      "max_node_commissioning_results",
      "max_node_installation_results",
      "max_node_testing_results",
      "max_node_release_results",
    ];
    const limit = Number(this.maas.config[limits[type]!] ?? 10);
    const old = this.ofNode(node)
      .filter((row) => row.type === type)
      .slice(0, -limit)
      .map((row) => row.id);
    if (old.length > 0) this.maas.store.remove("scriptSets", (row) => old.includes(row.id));
  }

  /** Ends every script that is still to do; the named ones as they went, the others well. True where none failed. */
  finish(set: ScriptSet | undefined, outcomes: ScriptOutcome[] = []): boolean {
    if (!set) return true;
    let ok = true;
    const now = this.maas.timestamp();
    for (const result of set.results) {
      if (result.status !== ResultStatus.pending && result.status !== ResultStatus.running) continue;
      const outcome = outcomes.find((row) => row.name === result.name);
      result.exitStatus = outcome?.exitStatus ?? 0;
      result.status = result.exitStatus === 0 ? ResultStatus.passed : ResultStatus.failed;
      result.stdout = outcome?.stdout ?? "ok\n";
      result.stderr = outcome?.stderr ?? "";
      result.output = `${result.stdout}${result.stderr}`;
      result.started ??= now;
      result.ended = now;
      result.updated = now;
      if (result.status === ResultStatus.failed) ok = false;
    }
    set.lastPing = now;
    this.maas.store.touch();
    return ok;
  }

  abort(set: ScriptSet | undefined): void {
    for (const result of set?.results ?? []) {
      if (result.status > ResultStatus.running) continue;
      result.status = ResultStatus.aborted;
      result.ended = this.maas.timestamp();
      result.updated = result.ended;
    }
    this.maas.store.touch();
  }

  /** The state of a whole set, as the machine's `…_status` fields show it: -1 where nothing is known. */
  summary(results: ScriptResult[]): number {
    const seen = results.map((row) => row.status);
    for (const status of [ResultStatus.running, ResultStatus.pending, ResultStatus.failed, ResultStatus.timedOut, ResultStatus.degraded])
      if (seen.includes(status)) return status;
    return seen.includes(ResultStatus.passed) ? ResultStatus.passed : -1;
  }
}

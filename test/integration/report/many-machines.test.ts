import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { causesOf } from "../../../cli/report/causes";
import { renderComment } from "../../../cli/report/comment";
import { openPaperStack, type PaperStack, type Revision } from "../../../cli/report/paper/compare";
import { inventoryCauses } from "../../../cli/report/paper/inventories";
import { readRecording } from "../../../cli/report/paper/recording";
import { workingRevision } from "../../../cli/report/paper/revisions";
import type { Preview } from "../../../cli/report/preview";
import { type Report, reportOf, withCauses } from "../../../cli/report/report";
import { fitting, hasReport, type Review, readReview } from "../../../cli/report/review";
import { valuesOf } from "../../../cli/report/values";
import { Secret } from "../../../components/core/secret";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import { parseSettings } from "../../../settings/validate";
import versions from "../../../versions.json";

jest.setTimeout(1_800_000);

/** Machines of the engine's previews, and of the reports: what the engine says of the first is said of more, by name and address. */
const [engines, reports] = [60, 1_000];
/** The first servers and an agent are by themselves. */
const firstCopied = 5;

type Config = Record<string, any>;

function inventory(count: number): object[] {
  return Array.from({ length: count }, (_, index) => {
    const [number, host] = [index + 1, index + 21];
    const byte = (value: number) => value.toString(16).padStart(2, "0");
    return {
      name: `node${number}`,
      role: number < 4 ? "server" : "agent",
      macAddresses: [`52:54:00:c8:${byte(number >> 8)}:${byte(number & 255)}`],
      address: `192.168.${200 + (host >> 8)}.${host & 255}`,
    };
  });
}

/** Every step of an agent once more for each further machine. */
function multiplied({ steps }: Preview): Preview {
  const agents = engines - firstCopied + 1;
  const more = steps.flatMap((step) => {
    const number = Number(/\bnode(\d+)/.exec(step.urn.split("::").at(-1) as string)?.[1] ?? 0);
    if (number < firstCopied) {
      return [];
    }
    const copies: typeof steps = [];
    for (let other = number + agents; other <= reports; other += agents) {
      copies.push(JSON.parse(JSON.stringify(step).replaceAll(new RegExp(`\\bnode${number}\\b`, "g"), `node${other}`)));
    }
    return copies;
  });
  return { steps: [...steps, ...more] };
}

/** A report on 1,000 machines, from the engine's own previews to the comment and the artefact. */
describe("a stack of 1,000 machines", () => {
  let folder: string;
  let paper: PaperStack;
  /** The settings of the base, without its machines. */
  let settings: Config;

  /** A revision whose machines are in an inventory: their settings are too many for a stack file. */
  async function revision(name: string, machines: object[], config: Config): Promise<Revision> {
    const inventory = path.join(folder, name, "machines.yaml");
    await fs.mkdir(path.dirname(inventory), { recursive: true });
    await fs.writeFile(inventory, yaml.dump(machines));
    return { ...(await workingRevision("sim")), config: { ...config, "homelab:inventory": inventory } };
  }

  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-many-"));
    const engine = await ensureEngine({ vendorReachable: await vendorReachable() });
    const recording = await readRecording(path.resolve(__dirname, "../../fixtures/recordings/sim.recording"));
    paper = await openPaperStack(recording, engine.directory);
    settings = structuredClone((await workingRevision("sim")).config) as Config;
    settings["homelab:machines"] = [];
    settings["homelab:protect"] = true;
    settings["homelab:network"].subnet = "192.168.192.0/19";
    settings["homelab:cluster"].virtualAddress = "192.168.200.10";
    await paper.settle(await revision("base", inventory(engines), settings));
  });
  afterAll(async () => {
    await paper?.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  /** What a pull request is told of a change: from the review as the artefact holds it. */
  async function told(
    edit: (config: Config, machines: any[]) => void,
  ): Promise<{ review: Review; report: Report; comment: string; stackFile: string; machinesFile: string }> {
    const changed = (count: number) => {
      const [config, machines] = [structuredClone(settings), inventory(count)];
      edit(config, machines);
      return { config, machines };
    };
    const few = changed(engines);
    const preview = multiplied(await paper.preview(await revision("head", few.machines, few.config)));
    const many = changed(reports);
    const [before, after] = [await revision("base", inventory(reports), settings), await revision("head", many.machines, many.config)];
    // Names in the repository: both folders are checkouts of it.
    const within = (each: Revision, name: string): Revision => ({
      folder: path.join(folder, name),
      config: { ...each.config, "homelab:inventory": "machines.yaml" },
    });
    const [old, stackFile] = [settings, many.config].map((config) => yaml.dump({ config }));
    const causes = [
      ...causesOf(old, stackFile, "Pulumi.sim.yaml"),
      ...(await inventoryCauses(within(before, "base"), within(after, "head"))),
    ];
    const raw = Object.fromEntries(Object.entries(many.config).map(([key, value]) => [key.replace("homelab:", ""), value]));
    const parsed = parseSettings({ ...raw, maasApiKey: Secret.sealed(), machines: many.machines });
    const report = withCauses(reportOf("sim", preview, parsed), causes);
    const recorded = { at: "2026-11-30T02:00:00.000Z", commit: "c".repeat(40), unapplied: [] };
    const stacks = [{ stack: "sim", report, diff: valuesOf(preview), recorded }];
    const file = path.join(folder, "review.json");
    await fs.writeFile(file, JSON.stringify(fitting({ format: 1, base: "b".repeat(40), head: "a".repeat(40), stacks })));
    // As the job that may write does.
    const review = await readReview(file);
    const [stack] = review.stacks;
    if (!hasReport(stack)) {
      throw new Error("there is no report");
    }
    const machinesFile = await fs.readFile(path.join(folder, "head", "machines.yaml"), "utf8");
    return { review, report: stack.report as Report, comment: renderComment(review), stackFile, machinesFile };
  }
  const lineOf = (text: string, pattern: RegExp) => text.split("\n").findIndex((line) => pattern.test(line)) + 1;

  it("with another version of k3s: every node is upgraded, in one line that names the setting's", async () => {
    const { report, comment, stackFile } = await told((config) => {
      config["homelab:cluster"].version = versions.k3s.next;
    });
    const upgraded = report.effects.filter(({ what }) => what.startsWith("upgraded"));
    expect(new Set(upgraded.map(({ subject }) => subject)).size).toBe(reports);
    expect(comment.length).toBeLessThan(65_536);
    const line = lineOf(stackFile, /^ {4}version: /);
    expect(comment).toMatch(
      new RegExp(`^- node [^\\n]*upgraded[^\\n]*\`homelab:cluster\\.version\` at \`Pulumi\\.sim\\.yaml:${line}\``, "m"),
    );
  });

  it("without one of its servers: what is lost comes first, with the line where it was, and the consent to add", async () => {
    const { report, comment } = await told((_, machines) => {
      machines[3].role = "server";
      machines.splice(1, 1);
    });
    expect(report.machines.node2).toBe("destroys");
    expect(comment.length).toBeLessThan(65_536);
    const lines = comment.split("\n").filter((line) => line.startsWith("- "));
    expect(lines[0]).toMatch(/^- `sim`: \*\*Data is lost on [^\n]*machine `node2`/);
    expect(lines[1]).toMatch(/^- machine `node2`: .*`homelab:machines\[node2\]` at `machines\.yaml:1`\)$/);
    expect(comment).toMatch(/^ {2}node2: "[0-9a-f]{8}"$/m);
  });

  it("each changed by a setting of its own: the whole is in the artefact, and the comment names it", async () => {
    const { review, report, comment, machinesFile } = await told((_, machines) => {
      for (const machine of machines) {
        machine.notes = `shelf of ${machine.name}`;
      }
    });
    const line = lineOf(machinesFile, /notes: shelf of node1$/);
    expect(comment).toContain(`\`homelab:machines[node1].notes\` at \`machines.yaml:${line}\``);
    expect(report.effects.filter(({ what }) => what === "edited in MAAS")).toHaveLength(reports);
    const [stack] = review.stacks.filter(hasReport);
    const named = new Set(stack.diff.join("\n").match(/shelf of node\d+/g));
    expect(named.size).toBe(reports);
    expect(comment.length).toBeLessThan(65_536);
    expect(comment).toContain("more lines are in the run's artefact.");
  });
});

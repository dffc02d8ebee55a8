import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { files, outcomes, type Scenario, scenarios } from "./scenarios";

const root = path.resolve(__dirname, "../../..");
const folder = path.join(root, ".github", "workflows");

interface Workflow {
  on: Record<string, { types?: string[] } | null>;
  jobs: Record<string, unknown>;
}

/** What a workflow's triggers come to: who opens a pull request, and with which label, makes another event of it. */
function eventsOf({ on }: Workflow): string[] {
  return Object.entries(on).flatMap(([name, options]) => {
    const types = options?.types ?? [];
    if (name === "workflow_run") {
      return types.flatMap((type) => [`${name} ${type}`, `${name} ${type}, of a fork`]);
    }
    const pulls = name === "pull_request" ? [name, `${name} from a fork`] : [name];
    return types.includes("labeled") ? [...pulls, ...pulls.map((event) => `${event} with the label`)] : pulls;
  });
}

const pairs = fs.readdirSync(folder).flatMap((file) => {
  const workflow = yaml.load(fs.readFileSync(path.join(folder, file), "utf8"), { schema: yaml.CORE_SCHEMA }) as Workflow;
  return Object.keys(workflow.jobs).flatMap((job) => eventsOf(workflow).map((event): [string, string] => [`${file} ${job}`, event]));
});

describe("every job of every workflow", () => {
  it("has its scenarios on every event, and no others", () => {
    expect(pairs.length).toBeGreaterThan(25);
    const told = Object.entries(scenarios).flatMap(([job, events]) => Object.keys(events).map((event) => [job, event]));
    expect(told.map((pair) => pair.join(", ")).sort()).toEqual(pairs.map((pair) => pair.join(", ")).sort());
  });

  it.each(pairs)("%s, on %s: each way to end is run by a test", (job, event) => {
    for (const outcome of outcomes) {
      const scenario: Scenario = scenarios[job][event][outcome];
      if ("none" in scenario) {
        expect([outcome, scenario.none.length > 10]).toEqual([outcome, true]);
        continue;
      }
      const [file, title] = scenario;
      const text = fs.readFileSync(path.join(root, files[file]), "utf8");
      expect([outcome, title, text.includes(title)]).toEqual([outcome, title, true]);
    }
  });
});

import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { checkout, type TestLab } from "./lab";

type Tree = { [key: string]: unknown };

function merged(base: Tree, change: Tree): Tree {
  const result = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const inner = result[key];
    const both = [inner, value].every((each) => each !== null && typeof each === "object" && !Array.isArray(each));
    result[key] = both ? merged(inner as Tree, value as Tree) : value;
  }
  return result;
}

/**
 * Writes the settings of a lab of the tests: the committed `Pulumi.sim.yaml` with some of them changed. Returns the file.
 *
 * @param change by section, as `{ monitoring: { alerts: { patience: 0.05 } } }`
 */
export function settingsOf(name: string, change: Tree): string {
  const { config } = yaml.load(fs.readFileSync(path.join(checkout, "Pulumi.sim.yaml"), "utf8")) as { config: Tree };
  const changes = Object.fromEntries(Object.entries(change).map(([section, value]) => [`homelab:${section}`, value]));
  const file = path.join(checkout, ".lab", `${name}.settings.yaml`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, yaml.dump({ config: merged(config, changes) }, { noRefs: true }));
  return file;
}

/**
 * Edits the settings of a lab, from here on also for every other command on it. Keys are as in the file, with their namespace.
 *
 * @param name of the file that they are then in
 */
export function changeSettings(lab: TestLab, edit: (config: Record<string, any>) => void, name = "changed"): void {
  const file = lab.environment.LAB_SIM_SETTINGS ?? path.join(checkout, "Pulumi.sim.yaml");
  const stack = yaml.load(fs.readFileSync(file, "utf8")) as { config: Record<string, any> };
  edit(stack.config);
  const changed = path.join(lab.state, `${name}.yaml`);
  fs.writeFileSync(changed, yaml.dump(stack, { noRefs: true }));
  lab.environment.LAB_SIM_SETTINGS = changed;
}

import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { Report } from "../../../cli/report/report";
import type { Machine } from "../../../maas/types";
import { runScript, type StepOutcome, workflowStep } from "../../support/workflows";
import { checkout, type TestLab } from "../support/lab";

const minutes = 60_000;

interface StackFile {
  config: { "homelab:machines": { notes?: string; address?: string }[] };
}

/** The shell scripts of the workflows, read from their files, on a lab that is up. Those of GitHub's API are unit tests. */
export function workflowSteps(lab: TestLab): void {
  it(
    "is deployed by the workflows: what was planned, nothing that came later, and no loss of data without a label",
    async () => {
      // A runner's checkout, as far as the scripts look at it. They leave their files here.
      const workspace = path.join(checkout, ".lab", `${path.basename(lab.state)}-workspace`);
      await fs.rm(workspace, { recursive: true, force: true });
      await fs.mkdir(workspace);
      try {
        await fs.symlink(path.join(checkout, "lab"), path.join(workspace, "lab"));
        const runner = await workflowRunner(lab, workspace);
        await runner.settings("noted", ([, node2]) => Object.assign(node2, { notes: "under the desk" }));
        const planned = await runner.run("deploy.yml", "plan");
        expect(planned.code === 0 ? "" : planned.output.slice(-4000)).toBe("");
        expect(planned.summary).toContain("machine `node2`: edited in MAAS");
        const applied = await runner.run("deploy.yml", "apply");
        expect(applied.code === 0 ? "" : applied.output.slice(-4000)).toBe("");
        expect(await notes(lab)).toEqual({ node1: "", node2: "under the desk" });

        // Somebody merges more while the plan waits for its approval.
        const noted = lab.environment.LAB_SIM_SETTINGS;
        await runner.settings("later", ([node1]) => Object.assign(node1, { notes: "on the shelf" }));
        const later = await runner.run("deploy.yml", "apply");
        expect(later.code).toBe(1);
        expect(later.output).toMatch(/Machine::node1 violates plan/);
        expect(await notes(lab)).toEqual({ node1: "", node2: "under the desk" });

        lab.environment.LAB_SIM_SETTINGS = noted;
        await runner.settings("moved", ([, node2]) => Object.assign(node2, { address: "192.168.200.22" }));
        const moved = await runner.run("deploy.yml", "plan");
        expect(moved.code).toBe(1);
        expect(moved.output).toContain("::error::this change loses data, and its pull request has no label 'destructive'");
        expect(moved.summary).toMatch(/node2.*(reinstalled|deployed anew)/i);
        const report = JSON.parse(await fs.readFile(path.join(workspace, "report.json"), "utf8")) as Report;
        expect(report.destructive).toBe(true);

        lab.environment.LAB_SIM_SETTINGS = noted;
        expect(await runner.run("drift.yml", "drift")).toMatchObject({
          code: 0,
          outputs: "code=0\n",
          output: "sim: everything is as settings and state say.\n",
        });
      } finally {
        await fs.rm(workspace, { recursive: true, force: true });
      }
    },
    5 * minutes,
  );
}

/** The machines' notes as MAAS has them. */
async function notes(lab: TestLab): Promise<Record<string, string>> {
  const machines = await lab.maas<(Machine & { description: string })[]>("machines/");
  // Below them stands which stack has enlisted the machine.
  return Object.fromEntries(machines.map(({ hostname, description }) => [hostname, description.replace(/\n?\[enlisted by .*\]$/, "")]));
}

async function workflowRunner(lab: TestLab, workspace: string) {
  const values = { "matrix.stack": "sim", "steps.label.outputs.destructive": "false" };
  return {
    /** Runs the shell script of a workflow's job. */
    run: (file: string, job: string): Promise<StepOutcome> =>
      runScript(workflowStep(file, job, "run"), { workspace, values, environment: lab.environment }),
    /** Merges a change of the machines' settings, which are the lab's from here on. */
    settings: async (name: string, edit: (machines: StackFile["config"]["homelab:machines"]) => void): Promise<void> => {
      const file = lab.environment.LAB_SIM_SETTINGS ?? path.join(checkout, "Pulumi.sim.yaml");
      const stack = yaml.load(await fs.readFile(file, "utf8")) as StackFile;
      edit(stack.config["homelab:machines"]);
      lab.environment.LAB_SIM_SETTINGS = path.join(lab.state, `${name}.yaml`);
      await fs.writeFile(lab.environment.LAB_SIM_SETTINGS, yaml.dump(stack));
    },
  };
}

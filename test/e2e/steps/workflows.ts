import * as fs from "node:fs/promises";
import * as path from "node:path";
import { readRecording } from "../../../cli/report/paper/recording";
import type { Report } from "../../../cli/report/report";
import type { Machine } from "../../../components/maas/api/types";
import { runScript, type StepOutcome, workflowStep } from "../../support/workflows";
import { happened, unlikeReported } from "../support/as-reported";
import { applyKinds } from "../support/kinds-of-change";
import { checkout, failureOf, type TestLab } from "../support/lab";
import { look } from "../support/lab-view";
import { changeSettings } from "../support/settings";

const minutes = 60_000;

/** The shell scripts of the workflows, read from their files, on a lab that is up. Whole jobs are run by test/integration/workflows. */
export function workflowSteps(lab: TestLab): void {
  it(
    "is deployed by the workflows: what was planned, nothing that came later, and no loss of data without a label",
    async () => {
      // A runner's checkout, as far as the scripts look at it. They leave their files here.
      const workspace = path.join(checkout, ".lab", `${path.basename(lab.state)}-workspace`);
      await fs.rm(workspace, { recursive: true, force: true });
      await fs.mkdir(workspace);
      try {
        // There is no forge here: what it would be asked for or told is answered in its place.
        const script = `#!/bin/sh\n[ "$1" != forge ] || { [ "$2" != label ] || echo false; exit 0; }\nexec ${path.join(checkout, "lab")} "$@"\n`;
        await fs.writeFile(path.join(workspace, "lab"), script, { mode: 0o755 });
        const runner = workflowRunner(lab, workspace);
        const before = look(lab);
        applyKinds(lab, "edited");
        changeSettings(lab, ({ "homelab:taskServers": tasks }) => {
          tasks.backup = { ...tasks.backup, schedule: "45 2 * * *" };
        });
        const planned = await runner.run("deploy.yml", "plan");
        expect(failureOf(planned)).toBe("");
        expect(planned.summary).toContain("No data is lost, nothing is interrupted: 0 pods restart.");
        expect(planned.summary).toContain("machine `node1`, `node2`: edited in MAAS");
        const report = await runner.report();
        const started = await before;
        const applied = await runner.run("deploy.yml", "apply");
        expect(failureOf(applied)).toBe("");
        const after = await look(lab);
        expect(unlikeReported(report, started, after)).toEqual([]);
        expect(happened(started, after)).toMatchObject({ touched: ["node1", "node2"], k3sStarted: [], newPods: [] });
        expect(await settled(lab)).toEqual({
          notes: { node1: "", node2: "under the desk" },
          spare: ["node2"],
          reserved: "router and friends [made by Pulumi stack homelab/sim]",
          address: ["192.168.200.5"],
        });

        // The same plan once more: what it was made for is there no longer.
        const stale = await runner.run("deploy.yml", "apply");
        expect([stale.code, stale.output]).toEqual([2, expect.stringContaining("the plan was made for another state")]);

        // Somebody merges more while the next plan waits for its approval.
        expect((await runner.run("deploy.yml", "plan")).code).toBe(0);
        const reviewed = lab.environment.LAB_SIM_SETTINGS;
        const edit = (change: (machines: any[]) => void) => changeSettings(lab, (config) => change(config["homelab:machines"]), "later");
        edit(([node1]) => Object.assign(node1, { notes: "on the shelf" }));
        const later = await runner.run("deploy.yml", "apply");
        expect(later.code).toBe(1);
        expect(later.output).toMatch(/::node1(-enlistment)? violates plan/);
        expect((await settled(lab)).notes).toEqual({ node1: "", node2: "under the desk" });

        lab.environment.LAB_SIM_SETTINGS = reviewed;
        edit(([, node2]) => Object.assign(node2, { address: "192.168.200.22" }));
        const moved = await runner.run("deploy.yml", "plan");
        expect(moved.code).toBe(1);
        expect(moved.output).toContain("::error::this change loses data, and its pull request has no label 'destructive'");
        expect(moved.summary).toMatch(/node2.*(reinstalled|deployed anew)/i);
        expect((await runner.report()).destructive).toBe(true);
        lab.environment.LAB_SIM_SETTINGS = reviewed;
        expect(await runner.run("drift.yml", "drift")).toMatchObject({ code: 0 });

        // For the reports on pull requests: all that there is, with none of its secrets.
        const recording = path.join(workspace, "recording");
        const recorded = await lab.lab("record", "--output", recording);
        expect(failureOf(recorded)).toBe("");
        const { resources, unapplied } = await readRecording(recording);
        const key = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim();
        expect([resources.length > 100, unapplied, JSON.stringify(resources).includes(key)]).toEqual([true, [], false]);
      } finally {
        await fs.rm(workspace, { recursive: true, force: true });
      }
    },
    5 * minutes,
  );
}

/** What MAAS has of the change, each by its own resource. */
async function settled(lab: TestLab) {
  const [machines, ranges, records] = await Promise.all([
    lab.maas<(Machine & { description: string })[]>("machines/"),
    lab.maas<{ type: string; comment: string }[]>("ipranges/"),
    lab.maas<{ fqdn: string; ip_addresses: { ip: string }[] }[]>("dnsresources/"),
  ]);
  return {
    // Below them are lines on what the stack has made and set.
    notes: Object.fromEntries(
      machines.map(({ hostname, description }) => [hostname, description.replace(/\n?\[(enlisted|address set) by .*\]$/gm, "").trim()]),
    ),
    spare: machines.filter(({ tag_names }) => tag_names.includes("spare")).map(({ hostname }) => hostname),
    reserved: ranges.find(({ type, comment }) => type === "reserved" && comment.startsWith("router"))?.comment,
    address: records.find(({ fqdn }) => fqdn === "nas.home.arpa")?.ip_addresses.map(({ ip }) => ip),
  };
}

export function workflowRunner(lab: TestLab, workspace: string) {
  const values = { "matrix.stack": "sim", "github.token": "none" };
  return {
    /** Runs the shell script of a workflow's job. */
    run: (file: string, job: string): Promise<StepOutcome> =>
      runScript(workflowStep(file, job), { workspace, values, environment: lab.environment }),
    report: async () => JSON.parse(await fs.readFile(path.join(workspace, "report.json"), "utf8")) as Report,
  };
}

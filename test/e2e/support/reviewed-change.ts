import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Report } from "../../../cli/report/report";
import { unlikeReported } from "./as-reported";
import { failureOf, type TestLab } from "./lab";
import { look } from "./lab-view";

/**
 * Takes the edited settings of a lab the way of a pull request: previewed, reported, the saved plan applied, and what then happened
 * compared with what the report said.
 *
 * @param packaged workloads that k3s itself brings or takes away, as `namespace/name`
 */
export async function reviewedChange(lab: TestLab, packaged: readonly string[] = []): Promise<Report> {
  const [file, plan] = [path.join(lab.state, "report.json"), path.join(lab.state, "plan.json")];
  const before = look(lab);
  const reported = await lab.lab("report", "--json", file, "--save-plan", plan);
  expect([0, 3].includes(reported.code ?? -1) ? "" : reported.output.slice(-4000)).toBe("");
  const report = JSON.parse(await fs.readFile(file, "utf8")) as Report;
  expect(reported.code).toBe(report.destructive ? 3 : 0);
  const started = await before;
  const up = await lab.lab("up", "--plan", plan);
  expect(failureOf(up)).toBe("");
  expect(unlikeReported(report, started, await look(lab), packaged)).toEqual([]);
  return report;
}

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import * as yaml from "js-yaml";
import { type AlertRule, isAlert, type RuleGroup } from "../../../components/core/watched";
import { renderRules, stretched } from "../../../components/monitoring/rules";
import { debianProgram } from "../../support/debian";
import { ruleFiles } from "../../support/watched";
import { alertCases } from "./alert-cases";

const run = promisify(execFile);
const runbooks = path.resolve(__dirname, "../../../docs/runbooks");

const has = {
  kubeStateMetrics: true,
  etcd: true,
  maas: true,
  clusterBackups: 6 * 3600,
  taskServers: { namespace: "tasks", servers: ["taskd"] },
  // Three weeks before its end is five minutes after promtool's clock starts.
  certificates: { "Home/alice": new Date((21 * 24 * 3600 + 300) * 1000).toISOString() },
};
let files: Record<string, RuleGroup[]>;
let alerts: AlertRule[];

beforeAll(async () => {
  files = await ruleFiles(has);
  alerts = Object.values(files).flatMap((groups) => groups.flatMap(({ rules }) => rules.filter(isAlert)));
});

describe("rules", () => {
  let folder: string;
  let promtool: string;

  beforeAll(async () => {
    promtool = await debianProgram("prometheus", "promtool");
    folder = await mkdtemp(path.join(tmpdir(), "homelab-rules-"));
    for (const [name, groups] of Object.entries(files)) {
      await writeFile(path.join(folder, name), renderRules(groups, "docs/runbooks"));
    }
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("pass promtool", async () => {
    const { stdout } = await run(promtool, ["check", "rules", ...Object.keys(files).map((name) => path.join(folder, name))]);
    expect(stdout.match(/SUCCESS/g)).toHaveLength(Object.keys(files).length);
  });

  test("every alert has a case and a runbook, and every runbook and case an alert", () => {
    const names = alerts.map(({ alert }) => alert);
    expect(Object.keys(alertCases).sort()).toEqual([...names].sort());
    const written = readdirSync(runbooks).filter((name) => name.endsWith(".md") && name !== "README.md");
    expect(written.map((name) => name.replace(".md", "")).sort()).toEqual([...names].sort());
    for (const name of names) {
      const text = readFileSync(path.join(runbooks, `${name}.md`), "utf8");
      expect(text).toMatch(new RegExp(`^# ${name}\n`));
      expect(text).toContain("## What to do");
    }
    expect(existsSync(path.join(runbooks, "README.md"))).toBe(true);
  });

  test("each alert fires when it should and not when it should not", async () => {
    const tests = Object.entries(alertCases).flatMap(([alert, { at, firing, quiet }]) => [
      // For the certificate the moment makes the difference.
      promtoolTest(alert, at, firing, true),
      ...(alert === "Watchdog" ? [] : [promtoolTest(alert, /^(Task|Page)CertificateExpires$/.test(alert) ? 2 : at, quiet, false)]),
    ]);
    const file = path.join(folder, "tests.yml");
    await writeFile(file, yaml.dump({ rule_files: Object.keys(files), evaluation_interval: "1m", tests }, { lineWidth: -1 }));
    const { stdout, stderr } = await run(promtool, ["test", "rules", file]).catch((error) => error);
    expect(`${stdout}${stderr}`).toContain("SUCCESS");
  }, 120_000);

  test("trouble has to last as long as the stack's patience says", () => {
    expect(stretched("2m", 0.05)).toBe("6s");
    expect(stretched("1h", 1)).toBe("1h");
    expect(stretched("30s", 10)).toBe("300s");
    const text = renderRules(files["rules-machines.yml"], "docs/runbooks", 0.05);
    expect(text).toContain("for: 6s\n");
    expect(text).not.toMatch(/for: \d+[mh]\n/);
  });

  test("the absence of a task server's probes is an alert, too", async () => {
    const file = path.join(folder, "absent.yml");
    const tests = [promtoolTest("TaskServerDown", 10, { 'up{job="kubelet"}': "1x20" }, true)];
    await writeFile(file, yaml.dump({ rule_files: ["rules-task-servers.yml"], evaluation_interval: "1m", tests }, { lineWidth: -1 }));
    expect((await run(promtool, ["test", "rules", file])).stdout).toContain("SUCCESS");
  });

  test("rules are left out whose metrics the stack does not have", async () => {
    const few = await ruleFiles({ kubeStateMetrics: false, etcd: false, maas: false });
    const names = Object.values(few).flatMap((groups) => groups.flatMap(({ rules }) => rules.filter(isAlert).map(({ alert }) => alert)));
    expect(names).toContain("NodeDown");
    expect(names).not.toEqual(expect.arrayContaining(["EtcdNoLeader"]));
    expect(names).not.toEqual(expect.arrayContaining(["JobFailed"]));
    expect(names).not.toEqual(expect.arrayContaining(["MachineFailed"]));
  });
});

function promtoolTest(alert: string, at: number, series: Record<string, string>, fires: boolean) {
  return {
    name: `${alert} ${fires ? "fires" : "is quiet"}`,
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `max(ALERTS{alertname="${alert}", alertstate="firing"})`,
        eval_time: `${at}m`,
        exp_samples: fires ? [{ labels: "{}", value: 1 }] : [],
      },
    ],
  };
}

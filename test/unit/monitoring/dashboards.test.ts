import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import * as yaml from "js-yaml";
import { renderDashboard } from "../../../components/monitoring/panels";
import { dashboardsIn, dashboardsOf } from "../../../components/monitoring/watched";
import { overview } from "../../../components/monitoring/watched/overview";
import { dashboards, panelQueries } from "../../../components/watched";
import { debianProgram } from "../../support/debian";
import { settled } from "../../support/mocks";
import { ruleFiles, watchedIn } from "../../support/watched";

const run = promisify(execFile);
const all = dashboards("tasks");
const rendered = Object.fromEntries(all.map((spec) => [spec.uid, renderDashboard(spec)]));
const parsed = Object.values(rendered).map((text) => JSON.parse(text));

describe("dashboards", () => {
  test("are as wanted, each well below what a config map may hold", () => {
    expect(parsed.map(({ title }) => title)).toEqual([
      "Lab overview",
      "Node",
      "Kubernetes workloads",
      "k3s and etcd",
      "MAAS machines",
      "Task servers",
      "Prometheus",
    ]);
    for (const text of Object.values(rendered)) {
      expect(Buffer.byteLength(text)).toBeLessThan(250_000);
    }
    expect(rendered[overview.dashboard?.uid ?? ""]).toBeDefined();
  });

  test("every query is PromQL", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "homelab-panels-"));
    try {
      const rules = panelQueries("tasks").map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
      const file = path.join(folder, "panels.yml");
      await writeFile(file, yaml.dump({ groups: [{ name: "panels", rules }] }));
      const { stdout } = await run(await debianProgram("prometheus", "promtool"), ["check", "rules", file]);
      expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test("every panel says what it shows, has a unit and a place of its own", () => {
    for (const dashboard of parsed) {
      const panels = dashboard.panels.flatMap((panel: any) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
      expect(panels.length).toBeGreaterThan(0);
      const places = new Set<string>();
      for (const { title, description, fieldConfig, gridPos } of panels) {
        expect({ title, description: description?.length > 10 }).toEqual({ title, description: true });
        expect(fieldConfig.defaults.unit).toBeTruthy();
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
        places.add(`${gridPos.x},${gridPos.y}`);
      }
      expect(places.size).toBe(panels.length);
    }
  });

  test("one link leads to all dashboards of the lab, whichever there are", () => {
    for (const { links, tags } of parsed) {
      expect(links).toEqual([expect.objectContaining({ type: "dashboards", tags: ["homelab"], keepTime: true, includeVars: true })]);
      expect(tags).toEqual(["homelab"]);
    }
  });

  test("nothing is written down that Grafana takes anyway", () => {
    for (const [uid, text] of Object.entries(rendered)) {
      expect(text.trimEnd()).not.toContain("\n");
      expect([uid, text.match(/"(transparent|repeatDirection|overrides|namePlacement|auto_min)"/g)]).toEqual([uid, null]);
    }
    const [series] = parsed.flatMap(({ panels }) => panels).filter(({ type }) => type === "timeseries");
    expect(Object.keys(series).sort()).toEqual(["datasource", "description", "fieldConfig", "gridPos", "targets", "title", "type"]);
    expect(series.targets[0]).toEqual({ expr: expect.any(String), legendFormat: expect.any(String), refId: "A", range: true });
    // What differs from the defaults stays.
    const [bars] = parsed.flatMap(({ panels }) => panels).filter(({ type }) => type === "bargauge");
    expect(bars.options).toEqual({ displayMode: "basic", orientation: "horizontal" });
  });

  test("variables that queries use are there, and those that are there are used", () => {
    for (const dashboard of parsed) {
      const text = JSON.stringify(dashboard.panels);
      const used = new Set([...text.matchAll(/\$(?!__)([a-z]+)/g)].map(([, name]) => name));
      const there = (dashboard.templating?.list ?? []).map(({ name }: any) => name);
      expect([...used]).toEqual(there);
    }
  });

  test("a stack that has everything gets these", async () => {
    const watched = watchedIn({ kubeStateMetrics: true, etcd: true, maas: true, taskServers: { namespace: "tasks", servers: ["taskd"] } });
    expect(
      dashboardsIn(watched)
        .map(({ uid }) => uid)
        .sort(),
    ).toEqual(all.map(({ uid }) => uid).sort());
    for (const [uid, json] of Object.entries(dashboardsOf(watched))) {
      expect((await settled(json)).value).toBe(rendered[uid]);
    }
  });

  test("recordings that panels use exist", async () => {
    const files = await ruleFiles({
      kubeStateMetrics: true,
      etcd: true,
      maas: true,
      taskServers: { namespace: "tasks", servers: ["taskd"] },
      certificates: { a: "2027-01-01T00:00:00Z" },
    });
    const recorded = new Set(
      Object.values(files).flatMap((groups) =>
        groups.flatMap(({ rules }) => rules.flatMap((rule) => ("record" in rule ? [rule.record] : []))),
      ),
    );
    const used = panelQueries("tasks").flatMap(({ expr }) => expr.match(/\b[a-z_]+:[a-z0-9_]+(:[a-z0-9_]+)?/g) ?? []);
    expect(used.filter((name) => !recorded.has(name))).toEqual([]);
    expect(used.length).toBeGreaterThan(5);
  });
});

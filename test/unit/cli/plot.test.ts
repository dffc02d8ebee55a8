import { legend, linesOf } from "../../../cli/draw/plot/data";
import { graph, roundUp } from "../../../cli/draw/plot/graph";
import { drawPage } from "../../../cli/draw/plot/page";
import { colourOf } from "../../../cli/draw/plot/panel";
import { format } from "../../../cli/draw/plot/units";
import type { PrometheusApi } from "../../../cli/live/prometheus";
import type { DashboardSpec, PanelSpec } from "../../../components/core/watched";
import { dashboards } from "../../../components/watched";

const span = { start: 1_700_000_000, end: 1_700_003_600 };

/** Answers every question with two machines that rise from nought to `peak`. */
function prometheus(peak: number): PrometheusApi {
  const labels = (instance: string) => ({ instance, job: "<node & exporter>" });
  return {
    query: async () => ["node1", "node2"].map((instance) => ({ labels: labels(instance), value: peak })),
    get: async (_resource: string, { start, end }: Record<string, string>) => ({
      result: ["node1", "node2"].map((instance) => ({
        metric: labels(instance),
        values: [
          [Number(start), "0"],
          [Number(end), String(peak)],
        ],
      })),
    }),
  } as unknown as PrometheusApi;
}

async function page(spec: DashboardSpec, api: PrometheusApi): Promise<string> {
  const lines = [];
  for (const panel of spec.rows.flatMap(({ panels }) => panels)) {
    lines.push(await linesOf(api, panel, span));
  }
  return drawPage(spec, lines, span);
}

/** Tags that are not closed in their order: enough of XML for what is made here. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name, self] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
    if (self === "/") {
      continue;
    }
    if (close === "") {
      open.push(name);
    } else if (open.pop() !== name) {
      wrong.push(name);
    }
  }
  return [...wrong, ...open];
}

describe("plots of the dashboards", () => {
  test.each([
    [0.823, "percentunit", "82.3 %"],
    [1536 * 1024, "bytes", "1.5 MiB"],
    [90, "s", "1.5 min"],
    [0.0042, "s", "4.2 ms"],
    [12_345, "short", "12.3 k"],
    [Number.NaN, "short", "–"],
  ])("show %d of unit %s as %s", (value, unit, shown) => {
    expect(format(value, unit)).toBe(shown);
  });

  test("end their axes at round numbers, of the unit they are in", () => {
    expect([0, 0.3, 7, 120].map((value) => roundUp(value))).toEqual([1, 0.5, 10, 200]);
    expect(roundUp(3 * 2 ** 30, 1024)).toBe(5 * 2 ** 30);
  });

  test("colour by thresholds, whichever end of them is the good one", () => {
    expect(colourOf(1, [1, 0.5])).toBe(colourOf(0, [1, 3]));
    expect(colourOf(0.4, [1, 0.5])).toBe(colourOf(5, [1, 3]));
  });

  test("name lines as Grafana does", () => {
    expect(legend("{{instance}} {{device}} in", { instance: "node1", device: "sda" })).toBe("node1 sda in");
  });

  test("reach from the first moment at nought to the last at the top of the axis", () => {
    const panel: PanelSpec = { title: "t", kind: "series", unit: "short", queries: [], description: "" };
    const lines = [
      {
        name: "a",
        labels: {},
        points: [
          [span.start, 0],
          [span.end, 10],
        ] as [number, number][],
      },
    ];
    const drawn = graph(panel, lines, { x: 0, y: 0, w: 262, h: 139 }, span);
    // 62 pixels of axis on the left; 8 above, 16 of times and 15 of legend below.
    expect(drawn).toContain('d="M62 108L262 8"');
  });

  test("are whole, small and the same for the same data, for every dashboard", async () => {
    for (const spec of dashboards("tasks")) {
      const svg = await page(spec, prometheus(0.5));
      expect(await page(spec, prometheus(0.5))).toBe(svg);
      expect(svg.length).toBeLessThan(200_000);
      expect(svg).not.toContain("NaN");
      expect(svg).not.toContain("<node");
      expect(unbalanced(svg)).toEqual([]);
      for (const { title } of spec.rows.flatMap(({ panels }) => panels)) {
        expect(svg).toContain(title.slice(0, 12).replaceAll("&", "&amp;"));
      }
    }
  });
});

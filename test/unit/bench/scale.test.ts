import { Meter } from "../../../bench/scale/meter";
import { type Measured, plot, table, withSection } from "../../../bench/scale/page";

const run = (machines: number, seconds: number): Measured => {
  const cost = { wall: seconds, cpu: seconds / 2, memory: machines * 2 ** 20, largest: 2 ** 20, requests: machines * 12 };
  return { machines, hardware: 50, state: machines * 2 ** 19, phases: { preview: cost, up: { ...cost, wall: seconds * 6 } } };
};

test("the table has ratios to the smallest preview, and up beside the hardware's time", () => {
  const lines = table([run(10, 10), run(100, 50)]).split("\n");
  expect(lines.slice(2, 6)).toEqual([
    "| preview | 10 | 1.0× | 1.0× | 10 MiB | 1 MiB | 12.0 |  |",
    "| preview | 100 | 5.0× | 5.0× | 100 MiB | 1 MiB | 12.0 |  |",
    "| up | 10 | 6.0× | 1.0× | 10 MiB | 1 MiB | 12.0 | 1.20 of the hardware's |",
    "| up | 100 | 30.0× | 5.0× | 100 MiB | 1 MiB | 12.0 | 6.00 of the hardware's |",
  ]);
  expect(lines.at(-1)).toBe("State: 10 machines 5.0 MiB, 100 machines 50.0 MiB.");
});

test("the plot has a line and a label for each phase", () => {
  const svg = plot([run(10, 10), run(100, 50)]);
  expect(svg.match(/<polyline /g)).toHaveLength(2);
  expect(svg).toContain("up (30.0×)");
  expect(svg).not.toMatch(/NaN|Infinity/);
});

test("what is measured is this process and those below it", async () => {
  const cost = await new Meter(0).during(async () => {
    const until = process.cpuUsage().user + 100_000;
    while (process.cpuUsage().user < until);
    await new Promise((resolve) => setTimeout(resolve, 700));
  });
  expect(cost.cpu).toBeGreaterThan(0.05);
  expect(cost.memory).toBeGreaterThanOrEqual(cost.largest);
  expect(cost.largest).toBeGreaterThan(10 * 2 ** 20);
});

test("a section takes the place of the one of its title, and leaves the others", () => {
  const first = withSection("", "One", "1");
  const both = withSection(first, "Two", "2");
  expect(both).toMatch(/^# Benchmarks\n\n[^\n]+\n\n## One\n\n1\n\n## Two\n\n2\n$/);
  expect(withSection(both, "One", "another")).toBe(both.replace("\n1\n", "\nanother\n"));
});

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import * as path from "node:path";
import versions from "../../versions.json";
import type { Cost } from "./meter";

export interface Measured {
  machines: number;
  /** Seconds that one machine's hardware takes. */
  hardware: number;
  /** Bytes of the state's file when all is there. */
  state: number;
  phases: Record<string, Cost & { requests: number }>;
}

const times = (value: number, of: number) => `${(value / of).toFixed(1)}×`;
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

/** Everything beside the smallest number of machines, in whose time one unit is what a preview takes. */
export function table(measured: readonly Measured[]): string {
  const [first] = measured;
  const unit = first.phases.preview;
  const rows = Object.keys(first.phases).flatMap((phase) =>
    measured.map(({ machines, hardware, phases }) => {
      const { wall, cpu, memory, largest, requests } = phases[phase];
      const beside = phase === "up" ? `${(wall / hardware).toFixed(2)} of the hardware's` : "";
      const cells = [times(wall, unit.wall), times(cpu, unit.cpu), mib(memory), mib(largest), (requests / machines).toFixed(1), beside];
      return `| ${phase} | ${machines} | ${cells.join(" | ")} |`;
    }),
  );
  const states = measured.map(({ machines, state }) => `${machines} machines ${(state / 2 ** 20).toFixed(1)} MiB`);
  return [
    "| what | machines | time | CPU | memory, all processes | the largest | requests a machine | beside |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    `State: ${states.join(", ")}.`,
  ].join("\n");
}

const COLOURS = ["#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#66519a", "#444444"];

/** Time of each phase by machines, both axes logarithmic. */
export function plot(measured: readonly Measured[]): string {
  const [width, height, margin] = [640, 360, 48];
  const unit = measured[0].phases.preview.wall;
  const names = Object.keys(measured[0].phases);
  const xs = measured.map(({ machines }) => Math.log10(machines));
  const ys = measured.flatMap(({ phases }) => Object.values(phases).map(({ wall }) => Math.log10(wall / unit)));
  const scale = (value: number, values: number[], from: number, to: number) =>
    from + ((value - Math.min(...values)) / (Math.max(...values) - Math.min(...values) || 1)) * (to - from);
  const x = (machines: number) => scale(Math.log10(machines), xs, margin, width - 200).toFixed(1);
  const y = (wall: number) => scale(Math.log10(wall / unit), ys, height - margin, margin).toFixed(1);
  const lines = names.map((name, index) => {
    const points = measured.map(({ machines, phases }) => `${x(machines)},${y(phases[name].wall)}`).join(" ");
    const last = measured[measured.length - 1];
    const label = `${name} (${times(last.phases[name].wall, unit)})`;
    return [
      `<polyline points="${points}" fill="none" stroke="${COLOURS[index]}" stroke-width="2"/>`,
      `<rect x="${width - 190}" y="${margin + index * 20 - 9}" width="12" height="3" fill="${COLOURS[index]}"/>`,
      `<text x="${width - 172}" y="${margin + index * 20 - 4}">${label}</text>`,
    ].join("\n");
  });
  const ticks = measured.map(({ machines }) => `<text x="${x(machines)}" y="${height - 20}" text-anchor="middle">${machines}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin}" y="24">Time by machines, in previews of ${measured[0].machines} machines; both axes logarithmic</text>`,
    ...lines,
    ...ticks,
    "</svg>\n",
  ].join("\n");
}

const docs = path.resolve(__dirname, "../../docs");

const head = [
  "# Benchmarks",
  "",
  "Figures are ratios: seconds depend on the computer. Each section says which command made it, and where.",
  "",
].join("\n");

/** Command, date, commit, versions, computer, and whether that had other work: times and what waits for them are worth as much as it was quiet. */
export function madeWith(command: string): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: docs, encoding: "utf8" }).trim();
  const computer = `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const engine = `Pulumi ${versions.pulumi.engine}, Node.js ${process.versions.node}`;
  return `Made with \`${command}\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit}. With ${engine}, ${computer}, load average at its end ${loadavg()[2].toFixed(0)}.`;
}

/** The page with this section in the place of the one of that title, or at its end. */
export function withSection(page: string, title: string, text: string): string {
  const [start, ...sections] = (page || head).split(/^(?=## )/m);
  const own = `## ${title}\n\n${text.trim()}\n`;
  const place = sections.findIndex((each) => each.startsWith(`## ${title}\n`));
  const all = place < 0 ? [...sections, own] : sections.map((each, index) => (index === place ? own : each));
  return [start.trim(), ...all.map((each) => each.trim())].join("\n\n").concat("\n");
}

/** Puts a section into docs/benchmarks.md. */
export function writeSection(title: string, text: string): void {
  const file = path.join(docs, "benchmarks.md");
  fs.writeFileSync(file, withSection(fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "", title, text));
}

/** The section of `scale`; written with its plot where asked. */
export function scaleSection(measured: readonly Measured[], write: boolean): string {
  const counts = measured.map(({ machines }) => machines).join(",");
  const text = [
    `${madeWith(`npm run bench -- scale --machines ${counts} --docs`)} MAAS is the simulator; its steps run, and machines and cluster are`,
    "on paper. One unit of time and of CPU is what a preview of the smallest stack takes.",
    "",
    table(measured),
    "",
    "![Time by machines](benchmarks.svg)",
  ].join("\n");
  if (write) {
    writeSection("Many machines through the engine", text);
    fs.writeFileSync(path.join(docs, "benchmarks.svg"), plot(measured));
  }
  return `${text}\n`;
}

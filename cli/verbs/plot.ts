import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { dashboards } from "../../components/watched";
import { linesOf } from "../draw/plot/data";
import { drawPage } from "../draw/plot/page";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { atPrometheus } from "../live/dashboards";
import { stackHasNo, stackOutputs } from "../live/lab-facts";
import { PrometheusApi } from "../live/prometheus";

interface Options {
  stack: string;
  out: string;
  minutes: number;
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 60 * 24 * 31) {
    throw new UserError({ path: "--minutes", message: "not a span of time", found: text, allowed: "1 to 44640" });
  }
  return minutes;
}

export function register(program: Command): void {
  program
    .command("plot")
    .description("draw the dashboards as SVG files, by the same queries: for where there is no Grafana")
    .option("--stack <name>", "stack to look at", simStack)
    .option("--out <folder>", "where the files go", "dashboards")
    .option("--minutes <number>", "how far back graphs go", parseMinutes, 60)
    .addHelpText("after", "\nOne file for each dashboard, named after it. Existing files are replaced.")
    .action(async (options: Options) => {
      const outputs = await stackOutputs(await knownStack(options.stack));
      if (!outputs.prometheus) {
        throw stackHasNo("Prometheus", options.stack);
      }
      await fs.mkdir(options.out, { recursive: true });
      await atPrometheus(outputs, async (url) => {
        const api = new PrometheusApi(url);
        const end = Math.floor(Date.now() / 1000);
        const span = { start: end - options.minutes * 60, end };
        for (const spec of dashboards(outputs.taskNamespace ?? "tasks")) {
          const lines = [];
          for (const panel of spec.rows.flatMap(({ panels }) => panels)) {
            lines.push(await linesOf(api, panel, span));
          }
          const file = path.join(options.out, `${spec.uid.replace(/^homelab-/, "")}.svg`);
          await fs.writeFile(file, drawPage(spec, lines, span));
          say(`wrote ${file}`);
        }
      });
    });
}

import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { drawGraph } from "../draw/graph/draw";
import { graphOf } from "../draw/graph/fold";
import { type Resource, readDot, withProviders } from "../draw/graph/resources";
import { knownStack } from "../engine/known-stack";
import { run } from "../engine/process";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { type Stack, stackHasNo } from "../live/lab-facts";
import { checkout } from "../paths";

interface Options {
  stack: string;
  out: string;
  all?: boolean;
}

/** The stack's resources as `pulumi stack graph` has them, with their providers, which only the state tells of. */
async function resourcesOf({ engine, environment, stack }: Stack): Promise<Resource[]> {
  const call = (...args: string[]) =>
    run(engine, ["stack", ...args, "--stack", stack], { cwd: checkout, env: { ...process.env, ...environment }, allowFailure: true });
  const scratch = await fs.mkdtemp(path.join(tmpdir(), "lab-graph-"));
  try {
    const file = path.join(scratch, "graph.dot");
    const [, exported] = await Promise.all([call("graph", file), call("export")]);
    const dot = await fs.readFile(file, "utf8").catch(() => "");
    const state = JSON.parse(exported.stdout || "{}") as { deployment?: { resources?: { urn: string; provider?: string }[] } };
    const providers = (state.deployment?.resources ?? []).flatMap(({ urn, provider }) => (provider ? [[urn, provider] as const] : []));
    return withProviders(readDot(dot), new Map(providers));
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

export function register(program: Command): void {
  program
    .command("graph")
    .description("draw what the stack is made of, and what needs what, as an SVG file")
    .option("--stack <name>", "stack to draw", simStack)
    .option("--out <file>", "where the picture goes", "graph.svg")
    .option("--all", "every resource, not only the components")
    .addHelpText(
      "after",
      "\nFrom the state of the last 'up', by 'pulumi stack graph'. An arrow leads from what is made first to what needs it.",
    )
    .action(async ({ stack, out, all }: Options) => {
      const graph = graphOf(await resourcesOf(await knownStack(stack)), { folded: !all });
      if (graph.boxes.length === 0) {
        throw stackHasNo("resources", stack);
      }
      await fs.writeFile(out, await drawGraph(graph, `Stack ${stack}`));
      say(`wrote ${out}: ${graph.boxes.length} boxes, ${graph.arrows.length} arrows`);
    });
}

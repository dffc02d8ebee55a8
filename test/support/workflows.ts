import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";

const checkout = path.resolve(__dirname, "../..");

interface Step {
  run?: string;
  env?: Record<string, string>;
}

/** A step of a workflow, with everything that its `env` says, the job's and the workflow's included. */
export interface WorkflowStep {
  text: string;
  env: Record<string, string>;
}

/** The first step of a job that runs a shell script. */
export function workflowStep(file: string, job: string): WorkflowStep {
  const workflow = yaml.load(fs.readFileSync(path.join(checkout, ".github", "workflows", file), "utf8")) as {
    env?: Record<string, string>;
    jobs: Record<string, { env?: Record<string, string>; steps: Step[] }>;
  };
  const { env, steps } = workflow.jobs[job];
  const found = steps.find((step) => step.run !== undefined);
  if (found?.run === undefined) {
    throw new Error(`${file} has no step with a script in its job ${job}`);
  }
  return { text: found.run, env: { ...workflow.env, ...env, ...found.env } };
}

/** The environment as GitHub would fill it in; variables of the repository and secrets that a test does not give are not set. */
function filled(env: Record<string, string>, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, text]) => {
      const expression = /^\$\{\{ (\S+) \}\}$/.exec(text)?.[1];
      if (expression === undefined) {
        return [[name, text]];
      }
      if (!(expression in values) && !/^(vars|secrets)\./.test(expression)) {
        throw new Error(`nothing is known of ${expression}`);
      }
      return expression in values ? [[name, values[expression]]] : [];
    }),
  );
}

export interface StepOutcome {
  code: number | null;
  output: string;
  /** What the run's page would show. */
  summary: string;
  /** `name=value` lines for later steps. */
  outputs: string;
}

interface Place {
  /** The folder that stands for the runner's checkout. */
  workspace: string;
  /** By expression, such as `matrix.stack`. */
  values: Record<string, string>;
  environment?: NodeJS.ProcessEnv;
}

/** Runs a step's shell script as a runner does: `bash -e` on a file. */
export async function runScript({ text, env }: WorkflowStep, { workspace, values, environment }: Place): Promise<StepOutcome> {
  const file = (name: string) => path.join(workspace, name);
  fs.writeFileSync(file("step.sh"), text);
  for (const name of ["summary.md", "outputs.txt"]) {
    fs.writeFileSync(file(name), "");
  }
  const { code, output } = await ended(
    spawn("bash", ["-e", file("step.sh")], {
      cwd: workspace,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...(environment ?? process.env),
        ...filled(env, values),
        GITHUB_STEP_SUMMARY: file("summary.md"),
        GITHUB_OUTPUT: file("outputs.txt"),
      },
    }),
  );
  return { code, output, summary: fs.readFileSync(file("summary.md"), "utf8"), outputs: fs.readFileSync(file("outputs.txt"), "utf8") };
}

function ended(child: ReturnType<typeof spawn>): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    let output = "";
    const keep = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

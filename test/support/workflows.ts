import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";

const checkout = path.resolve(__dirname, "../..");

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: { script?: string };
}

/** A step of a workflow, with everything that its `env` says, the job's and the workflow's included. */
export interface WorkflowStep {
  text: string;
  env: Record<string, string>;
}

/** The one step of a job that runs a shell script or, with `script`, JavaScript for github-script. */
export function workflowStep(file: string, job: string, kind: "run" | "script"): WorkflowStep {
  const workflow = yaml.load(fs.readFileSync(path.join(checkout, ".github", "workflows", file), "utf8")) as {
    env?: Record<string, string>;
    jobs: Record<string, { env?: Record<string, string>; steps: Step[] }>;
  };
  const { env, steps } = workflow.jobs[job];
  const found = steps.flatMap((step) => {
    const text = kind === "run" ? step.run : step.with?.script;
    return text === undefined ? [] : [{ text, env: { ...workflow.env, ...env, ...step.env } }];
  });
  if (found.length !== 1) {
    throw new Error(`${file} has ${found.length} steps of the kind ${kind} in its job ${job}`);
  }
  return found[0];
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

/** A call of GitHub's API, such as `issues.create`, with its arguments. */
export type ApiCall = [name: string, options: Record<string, unknown>];

/** What github-script gives to a script, with a GitHub that answers from a table and notes every call. */
const harness = `
const { createRequire } = require("node:module");
let input = "";
process.stdin.on("data", (chunk) => (input += chunk)).on("end", async () => {
  const { script, answers, context } = JSON.parse(input);
  const calls = [], outputs = {};
  const part = (group) => new Proxy({}, { get: (_, name) => async (options) => {
    calls.push([group + "." + name, options]);
    return { data: answers[group + "." + name] ?? {} };
  } });
  const rest = new Proxy({}, { get: (_, group) => part(group) });
  const github = { rest, paginate: async (call, options) => (await call(options)).data };
  const core = { setOutput: (name, value) => { outputs[name] = value; } };
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  const require = createRequire(process.cwd() + "/");
  await new AsyncFunction("github", "core", "context", "require", script)(github, core, context, require);
  console.log(JSON.stringify({ calls, outputs }));
});
`;

/** Runs a script of github-script. `answers` is what GitHub says, by call. */
export async function runGitHubScript(
  { text, env }: WorkflowStep,
  { workspace, values, answers = {}, context = {} }: Place & { answers?: Record<string, unknown>; context?: object },
): Promise<{ calls: ApiCall[]; outputs: Record<string, unknown> }> {
  const child = spawn(process.execPath, ["-e", harness], {
    cwd: workspace,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...filled(env, values) },
  });
  child.stdin.end(JSON.stringify({ script: text, answers, context: { repo: { owner: "ann", repo: "lab" }, ...context } }));
  const { code, output } = await ended(child);
  if (code !== 0) {
    throw new Error(output);
  }
  return JSON.parse(output);
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

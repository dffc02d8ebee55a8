import { createRequire } from "node:module";
import * as path from "node:path";
import type * as grpc from "@grpc/grpc-js";
import { type RunPluginRequest, RunPluginResponse, type RunRequest, RunResponse } from "@pulumi/pulumi/proto/language_pb";
import { type Options, optionsOf } from "./options";
import { start } from "./processes";

/** Exit code of a program that has already told the user what is wrong. */
const TOLD = 32;

const MISSING_SDK = "It looks like the Pulumi SDK has not been installed. Have you run npm install?";

/** Full path of a file of the SDK that the program itself uses. */
function sdkFile(programDirectory: string, file: string): string {
  return createRequire(path.join(path.resolve(programDirectory), "program.js")).resolve(`@pulumi/pulumi/${file}`);
}

function environment(options: Options, extra: Record<string, string>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...extra,
    ...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    ...(options.tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig } : {}),
  };
}

/** `homelab:maas` as the SDK's runner expects it: `homelab:config:maas`. */
function configKey(key: string): string {
  return key.replace(/^([^:]+):(?!config:)/, "$1:config:");
}

/** Runs the program once, for an update or a preview, and answers when it has ended. */
export function run(
  request: RunRequest,
  flags: Readonly<Record<string, string>>,
  engineAddress: string,
  answer: (response: RunResponse) => void,
): void {
  const info = request.getInfo();
  const options = optionsOf(info, flags);
  const done = (error: string, bail = false) => {
    const response = new RunResponse();
    response.setError(error);
    response.setBail(bail);
    answer(response);
  };

  let runner: string;
  try {
    runner = process.env.PULUMI_LANGUAGE_NODEJS_RUN_PATH ?? sdkFile(info?.getProgramDirectory() || request.getPwd(), "cmd/run");
  } catch {
    done(MISSING_SDK);
    return;
  }
  const settings: [string, string | number][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engineAddress],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", info?.getRootDirectory() ?? ""],
    ["stack", request.getStack()],
    ["pwd", request.getPwd()],
    ["parallel", request.getParallel()],
    ["tracing", flags.tracing ?? ""],
  ];
  const config = Object.fromEntries(
    request
      .getConfigMap()
      .toArray()
      .map(([key, value]) => [configKey(key), value]),
  );
  const child = start(
    process.execPath,
    [
      ...options.nodeargs,
      runner,
      ...settings.filter(([, value]) => value !== "" && value !== 0).flatMap(([key, value]) => [`--${key}`, String(value)]),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      info?.getEntryPoint() || request.getProgram() || ".",
      ...request.getArgsList(),
    ],
    {
      cwd: request.getPwd() || undefined,
      stdio: ["ignore", "inherit", "inherit"],
      env: environment(options, {
        PULUMI_CONFIG: JSON.stringify(config),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      }),
    },
  );
  child.on("error", (error) => done(`Problem executing program (could not run language executor): ${error.message}`));
  child.on("close", (code, signal) => {
    if (code === 0) {
      done("");
    } else if (code === TOLD) {
      done("", true);
    } else {
      done(signal ? `Program exited due to a signal: ${signal}` : `Program exited with non-zero exit code: ${code}`);
    }
  });
}

/** Runs a plugin that is a Node.js package (PulumiPlugin.yaml with `runtime: nodejs`). */
export function runPlugin(
  call: grpc.ServerWritableStream<RunPluginRequest, RunPluginResponse>,
  flags: Readonly<Record<string, string>>,
): void {
  const { request } = call;
  const info = request.getInfo();
  const options = optionsOf(info, flags);
  const directory = info?.getProgramDirectory() || request.getProgram();
  const send = (fill: (response: RunPluginResponse) => void) => {
    const response = new RunPluginResponse();
    fill(response);
    call.write(response);
  };
  let runner: string;
  try {
    runner = sdkFile(directory, "cmd/run-plugin");
  } catch {
    call.emit("error", { code: 9, details: `${directory}: ${MISSING_SDK}` });
    return;
  }
  const extra = Object.fromEntries(
    request.getEnvList().map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const child = start(
    process.execPath,
    [...options.nodeargs, runner, path.resolve(directory, info?.getEntryPoint() || "."), ...request.getArgsList()],
    { cwd: request.getPwd() || directory, env: environment(options, extra), stdio: ["ignore", "pipe", "pipe"] },
  );
  child.stdout?.on("data", (data: Buffer) => send((response) => response.setStdout(data)));
  child.stderr?.on("data", (data: Buffer) => send((response) => response.setStderr(data)));
  child.on("error", (error) => call.emit("error", { code: 2, details: error.message }));
  child.on("close", (code) => {
    send((response) => response.setExitcode(code ?? 1));
    call.end();
  });
  call.on("cancelled", () => child.kill());
}

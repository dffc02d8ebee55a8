// The language host as the engine meets it: a process that prints a port and answers over gRPC.
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/language_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { executable } from "../../../rig/stand-ins/bundle";

const checkout = path.resolve(__dirname, "../../..");
const sources = path.join(checkout, "rig/stand-ins/language-host");

let directory: string;
let host: ChildProcess;
let client: LanguageRuntimeClient;

beforeAll(async () => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "language-host-")));
  const file = path.join(directory, "pulumi-language-nodejs");
  fs.writeFileSync(file, await executable(path.join(sources, "main.ts"), sources), { mode: 0o755 });
  host = spawn(file, ["-tracing=", "127.0.0.1:1"], { stdio: ["ignore", "pipe", "inherit"], cwd: directory });
  const port = await new Promise<string>((resolve) => host.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim())));
  client = new LanguageRuntimeClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
}, 60_000);

afterAll(async () => {
  client.close();
  const ended = new Promise((resolve) => host.once("close", resolve));
  host.kill();
  await ended;
  fs.rmSync(directory, { recursive: true, force: true });
});

/** A program folder with these files, in which the SDK's runner is a script of the test's own. */
function program(files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(directory, "program-"));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

function info(folder: string, options: Record<string, any> = {}): pb.ProgramInfo {
  const message = new pb.ProgramInfo();
  message.setRootDirectory(folder);
  message.setProgramDirectory(folder);
  message.setEntryPoint(".");
  message.setOptions(Struct.fromJavaScript(options));
  return message;
}

const SDK = "node_modules/@pulumi/pulumi/";

/** Runs a program whose SDK runner is `runner`; what it saw goes to `seen.json`. */
async function run(runner: string, options: Record<string, any> = {}): Promise<{ response: pb.RunResponse; seen: any }> {
  const folder = program({
    [`${SDK}package.json`]: '{"name":"@pulumi/pulumi","version":"3.220.0"}',
    [`${SDK}cmd/run/index.js`]: `require("fs").writeFileSync("seen.json", JSON.stringify({ args: process.argv.slice(2), node: process.execArgv, cwd: process.cwd(), env: process.env }));\n${runner}`,
  });
  const request = new pb.RunRequest();
  request.setInfo(info(folder, options));
  request.setPwd(folder);
  request.setProject("proj");
  request.setStack("dev");
  request.setOrganization("organization");
  request.setMonitorAddress("127.0.0.1:2");
  request.setParallel(7);
  request.setDryrun(true);
  request.getConfigMap().set("homelab:maas", '{"url":"http://x"}').set("aws:config:region", "r");
  request.setConfigsecretkeysList(["homelab:key"]);
  const response = await new Promise<pb.RunResponse>((resolve, reject) =>
    client.run(request, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
  return { response, seen: JSON.parse(fs.readFileSync(path.join(folder, "seen.json"), "utf8")) };
}

test("runs the program with the project's own SDK, its configuration and the runtime options", async () => {
  const { response, seen } = await run("", { typescript: true, tsconfig: "other.json", nodeargs: "--title='a b'" });
  expect([response.getError(), response.getBail()]).toEqual(["", false]);
  const text = seen.args.join(" ");
  expect(text).toMatch(
    /^--monitor 127.0.0.1:2 --engine 127.0.0.1:1 --organization organization --project proj --root-directory \S+ --stack dev --pwd \S+ --parallel 7 --dry-run \.$/,
  );
  expect(seen.node).toEqual(["--title=a b"]);
  expect(JSON.parse(seen.env.PULUMI_CONFIG)).toEqual({ "homelab:config:maas": '{"url":"http://x"}', "aws:config:region": "r" });
  expect(JSON.parse(seen.env.PULUMI_CONFIG_SECRET_KEYS)).toEqual(["homelab:key"]);
  expect([seen.env.PULUMI_NODEJS_TYPESCRIPT, seen.env.PULUMI_NODEJS_TSCONFIG_PATH]).toEqual(["true", "other.json"]);
});

test("leaves TypeScript to the program when told so", async () => {
  expect((await run("", { typescript: false })).seen.env.PULUMI_NODEJS_TYPESCRIPT).toBeUndefined();
});

test.each([
  ["process.exit(32)", "", true],
  ["process.exit(3)", "Program exited with non-zero exit code: 3", false],
  ["process.kill(process.pid, 'SIGKILL')", "Program exited due to a signal: SIGKILL", false],
])("answers how the program ended: %s", async (runner, error, bail) => {
  const { response } = await run(runner);
  expect([response.getError(), response.getBail()]).toEqual([error, bail]);
});

test("says what to do when the SDK is not installed", async () => {
  const request = new pb.RunRequest();
  // Away from any node_modules.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bare-"));
  request.setInfo(info(folder));
  request.setPwd(folder);
  const response = await new Promise<pb.RunResponse>((resolve, reject) =>
    client.run(request, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
  fs.rmSync(folder, { recursive: true });
  expect(response.getError()).toContain("Have you run npm install?");
});

test("ends a running program when the engine cancels", async () => {
  const running = run("setInterval(() => {}, 1000)");
  const started = () => fs.readdirSync(directory).some((name) => name.startsWith("program-") && hasLiveMarker(path.join(directory, name)));
  function hasLiveMarker(folder: string): boolean {
    const file = path.join(folder, `${SDK}cmd/run/index.js`);
    return fs.existsSync(file) && fs.readFileSync(file, "utf8").includes("setInterval") && fs.existsSync(path.join(folder, "seen.json"));
  }
  for (let i = 0; !started() && i < 600; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise<void>((resolve, reject) => client.cancel(new Empty(), (error) => (error ? reject(error) : resolve())));
  expect((await running).response.getError()).toBe("Program exited due to a signal: SIGTERM");
}, 60_000);

function collect(stream: grpc.ClientReadableStream<any>): Promise<{ output: string; error?: string; code?: number }> {
  let output = "";
  let code: number | undefined;
  stream.on("data", (part: pb.InstallDependenciesResponse | pb.RunPluginResponse) => {
    output += Buffer.from(part.getStdout() as Uint8Array).toString() + Buffer.from(part.getStderr() as Uint8Array).toString();
    if (part instanceof pb.RunPluginResponse && part.getOutputCase() === pb.RunPluginResponse.OutputCase.EXITCODE) {
      code = part.getExitcode();
    }
  });
  return new Promise((resolve) => {
    stream.on("end", () => resolve({ output, code }));
    stream.on("error", (error: grpc.ServiceError) => resolve({ output, error: error.details, code }));
  });
}

test("installs dependencies with the package manager of the options", async () => {
  const folder = program({ manager: '#!/bin/sh\necho "$@ in $(basename "$PWD")"\n', broken: "#!/bin/sh\necho why >&2\nexit 4\n" });
  const install = (manager: string) => {
    const request = new pb.InstallDependenciesRequest();
    request.setInfo(info(folder, { packagemanager: path.join(folder, manager) }));
    return collect(client.installDependencies(request));
  };
  const { output, error } = await install("manager");
  expect(error).toBeUndefined();
  expect(output).toContain(`install in ${path.basename(folder)}`);
  expect(output).toContain("Finished installing dependencies");
  expect(await install("broken")).toMatchObject({
    output: expect.stringContaining("why"),
    error: expect.stringMatching(/install failed: exit status 4$/),
  });
  expect((await install("none")).error).toMatch(/install failed: .*ENOENT/);
});

test("runs a plugin that is a Node.js package, and passes on its exit code", async () => {
  const folder = program({
    [`${SDK}package.json`]: '{"name":"@pulumi/pulumi","version":"3.220.0"}',
    [`${SDK}cmd/run-plugin/index.js`]: 'console.log(process.argv[3], process.env.GIVEN); console.error("bad"); process.exit(5)',
  });
  const request = new pb.RunPluginRequest();
  request.setInfo(info(folder));
  request.setPwd(folder);
  request.setArgsList(["argument"]);
  request.setEnvList(["GIVEN=a=b"]);
  const { output, code } = await collect(client.runPlugin(request));
  expect(output).toContain("argument a=b");
  expect(output).toContain("bad");
  expect(code).toBe(5);
});

test("tells about Node and about the plugins that the program needs", async () => {
  const about = await new Promise<pb.AboutResponse>((resolve, reject) =>
    client.about(new pb.AboutRequest(), (error, answer) => (error ? reject(error) : resolve(answer))),
  );
  expect(about.getVersion()).toBe(process.version);
  const folder = program({
    "node_modules/@pulumi/random/package.json": JSON.stringify({ name: "@pulumi/random", version: "4.21.1", pulumi: { resource: true } }),
  });
  const request = new pb.GetRequiredPackagesRequest();
  request.setInfo(info(folder));
  const packages = await new Promise<pb.GetRequiredPackagesResponse>((resolve, reject) =>
    client.getRequiredPackages(request, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
  expect(packages.getPackagesList().map((found) => [found.getName(), found.getVersion(), found.getKind()])).toEqual([
    ["random", "v4.21.1", "resource"],
  ]);
});

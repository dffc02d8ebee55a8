// A Pulumi language host for Node.js programs: the engine starts it as `pulumi-language-nodejs` (it looks beside its own
// executable), reads a port from its standard output and talks pulumirpc.LanguageRuntime to it.
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PackageParameterization, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version } from "@pulumi/pulumi/version";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { optionsOf, parseArguments } from "./options";
import { dependencies, packageManager, requiredPlugins } from "./packages";
import { start, stopAll } from "./processes";
import { run, runPlugin } from "./run";

const { flags, engineAddress } = parseArguments(process.argv.slice(2));

/** Answers with what `work` returns, or with its error. */
function unary<Request, Response>(work: (request: Request) => Response): grpc.handleUnaryCall<Request, Response> {
  return (call, done) => {
    try {
      done(null, work(call.request));
    } catch (error) {
      done({ code: grpc.status.UNKNOWN, details: (error as Error).message });
    }
  };
}

function requiredPackages(request: pb.GetRequiredPackagesRequest): pb.GetRequiredPackagesResponse {
  const response = new pb.GetRequiredPackagesResponse();
  for (const plugin of requiredPlugins(request.getInfo()?.getProgramDirectory() ?? ".")) {
    const dependency = new PackageDependency();
    dependency.setName(plugin.name);
    dependency.setKind("resource");
    dependency.setVersion(plugin.version);
    dependency.setServer(plugin.server);
    if (plugin.parameterization) {
      const parameterization = new PackageParameterization();
      parameterization.setName(plugin.parameterization.name);
      parameterization.setVersion(plugin.parameterization.version);
      parameterization.setValue(plugin.parameterization.value);
      dependency.setParameterization(parameterization);
    }
    response.addPackages(dependency);
  }
  return response;
}

function installDependencies(call: grpc.ServerWritableStream<pb.InstallDependenciesRequest, pb.InstallDependenciesResponse>): void {
  const info = call.request.getInfo();
  const directory = info?.getProgramDirectory() || call.request.getDirectory();
  const manager = packageManager(directory, optionsOf(info, flags).packagemanager);
  const send = (stdout: Uint8Array | undefined, stderr?: Uint8Array) => {
    const response = new pb.InstallDependenciesResponse();
    response.setStdout(stdout ?? "");
    response.setStderr(stderr ?? "");
    call.write(response);
  };
  const fail = (why: string) => call.emit("error", { code: grpc.status.UNKNOWN, details: `${manager} install failed: ${why}` });
  send(Buffer.from("Installing dependencies...\n\n"));
  // The SDK packages' install scripts download plugins: not wanted where the user has switched that off.
  const scripts = process.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION ? ["--ignore-scripts"] : [];
  const child = start(manager, ["install", ...scripts], { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout?.on("data", (data: Buffer) => send(data));
  child.stderr?.on("data", (data: Buffer) => send(undefined, data));
  child.on("error", (error) => fail(error.message));
  child.on("close", (code, signal) => {
    if (code === 0) {
      send(Buffer.from("Finished installing dependencies\n\n"));
      call.end();
    } else if (code !== null || signal) {
      fail(signal ? `signal: ${signal}` : `exit status ${code}`);
    }
  });
}

const implementation: grpc.UntypedServiceImplementation = {
  handshake: unary(() => new pb.LanguageHandshakeResponse()),
  getPluginInfo: unary(() => {
    const response = new PluginInfo();
    response.setVersion(version);
    return response;
  }),
  getRequiredPackages: unary(requiredPackages),
  run: (call: grpc.ServerUnaryCall<pb.RunRequest, pb.RunResponse>, done: grpc.sendUnaryData<pb.RunResponse>) =>
    run(call.request, flags, engineAddress, (response) => done(null, response)),
  runPlugin: (call: grpc.ServerWritableStream<pb.RunPluginRequest, pb.RunPluginResponse>) => runPlugin(call, flags),
  installDependencies,
  runtimeOptionsPrompts: unary(() => new pb.RuntimeOptionsResponse()),
  template: unary(() => new pb.TemplateResponse()),
  about: unary(() => {
    const response = new pb.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    return response;
  }),
  getProgramDependencies: unary((request: pb.GetProgramDependenciesRequest) => {
    const response = new pb.GetProgramDependenciesResponse();
    for (const { name, version: found } of dependencies(
      request.getInfo()?.getProgramDirectory() ?? request.getPwd(),
      request.getTransitivedependencies(),
    )) {
      const dependency = new pb.DependencyInfo();
      dependency.setName(name);
      dependency.setVersion(found);
      response.addDependencies(dependency);
    }
    return response;
  }),
  cancel: unary(() => {
    stopAll();
    return new Empty();
  }),
};

const limit = 400 * 1024 * 1024;
const server = new grpc.Server({ "grpc.max_receive_message_length": limit, "grpc.max_send_message_length": limit });
server.addService(LanguageRuntimeService as unknown as grpc.ServiceDefinition, implementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  process.stdout.write(`${port}\n`);
});

const end = () => {
  stopAll();
  process.exit(0);
};
process.on("SIGTERM", end);
process.on("SIGINT", end);
// An engine that was killed cannot end its language host; the program must not run on without it.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && end(), 500).unref();

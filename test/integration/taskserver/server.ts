import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { accountsOf, credentialsOf, renderAccounts } from "../../../components/taskserver/accounts";
import {
  authorityArgs,
  clientCertificateArgs,
  clientRequest,
  serverCertificateArgs,
  serverRequest,
} from "../../../components/taskserver/certificates";
import { renderTaskdConfig } from "../../../components/taskserver/taskd-config";
import { clientFiles, renderTaskrc, type UserAccess } from "../../../components/taskserver/taskrc";
import { type TaskServersSettings, taskServersSettings } from "../../../settings/task-servers";
import { busyboxPath, debianProgram } from "../../support/debian";
import { type Issued, issue } from "./issuer";

const run = promisify(execFile);
const scripts = path.resolve(__dirname, "../../../components/taskserver");

/** Runs one of the component's scripts with what a container image has: busybox's shell and tools. */
export async function inContainerShell(name: string, args: string[], env: Record<string, string> = {}) {
  const tools = await busyboxPath();
  return run(path.join(tools, "sh"), [path.join(scripts, name), ...args], { env: { PATH: tools, ...env } });
}

/** A real taskd on loopback, laid out and configured by what the pod would be, and clients of it. */
export class TaskdOnLoopback {
  readonly data: string;
  readonly certificates: string;
  authority!: Issued;
  /** Its own certificate. */
  served!: Issued;
  port = 0;
  keys: Record<string, string> = {};
  process?: ChildProcess;
  log = "";

  private constructor(
    readonly folder: string,
    public settings: TaskServersSettings,
  ) {
    this.data = path.join(folder, "data");
    this.certificates = path.join(folder, "tls");
  }

  static async create(input: Record<string, unknown>): Promise<TaskdOnLoopback> {
    const server = new TaskdOnLoopback(await mkdtemp(path.join(tmpdir(), "homelab-taskd-")), taskServersSettings.parse(input));
    await mkdir(server.data);
    await mkdir(server.certificates);
    server.port = await freePort();
    const { certificates } = server.settings;
    server.authority = await issue(certificates.algorithm, authorityArgs(certificates));
    const request = { ...serverRequest(certificates, ["tasks.test"]), ipAddresses: ["127.0.0.1"] };
    const leaf = await issue(certificates.algorithm, { ...request, ...serverCertificateArgs(certificates) }, server.authority);
    server.served = leaf;
    await server.write("ca.pem", server.authority.certificate);
    await server.write("server.pem", leaf.certificate);
    await server.write("server.key", leaf.privateKey);
    return server;
  }

  write(name: string, content: string): Promise<void> {
    return writeFile(path.join(this.certificates, name), content, { mode: 0o600 });
  }

  /** What the pod's init container does. */
  async layOut(): Promise<string> {
    for (const account of accountsOf(this.settings)) {
      const known = [account.id, ...account.formerIds].map((id) => this.keys[id]).find(Boolean);
      this.keys[account.id] = known ?? randomUUID();
    }
    const revocations = await run("test", ["-s", path.join(this.certificates, "crl.pem")]).then(
      () => true,
      () => false,
    );
    const listen = `127.0.0.1:${this.port}`;
    const config = renderTaskdConfig(this.settings.taskd, { data: this.data, certificates: this.certificates, listen, revocations });
    await writeFile(path.join(this.folder, "config"), config);
    await writeFile(path.join(this.folder, "accounts"), renderAccounts(this.settings, this.keys));
    const [config_, accounts] = ["config", "accounts"].map((name) => path.join(this.folder, name));
    return (await inContainerShell("layout.sh", [this.data, config_, accounts])).stdout;
  }

  async start(): Promise<void> {
    const taskd = await debianProgram("taskd", "taskd");
    this.log = "";
    this.process = spawn(taskd, ["server", "--data", this.data], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (chunk) => {
        this.log += chunk;
      });
    }
    for (let attempt = 0; !(await this.probe("ready")).ok; attempt++) {
      if (attempt > 400 || this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`taskd does not serve (${this.process.exitCode ?? this.process.signalCode}): ${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await ended;
    }
  }

  /** The server's log once it has a line that matches. */
  async logged(pattern: RegExp): Promise<string> {
    for (let attempt = 0; attempt < 200 && !pattern.test(this.log); attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return this.log;
  }

  async destroy(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What kubelet does in the container. */
  async probe(kind: "ready" | "alive"): Promise<{ ok: boolean; output: string }> {
    const env = { TASKD_PID: String(this.process?.pid), PROBE_STATE: path.join(this.folder, "cpu") };
    return inContainerShell("probe.sh", [kind, String(this.port)], env).then(
      ({ stdout }) => ({ ok: true, output: stdout }),
      (error) => ({ ok: false, output: `${error.stdout}${error.stderr}` }),
    );
  }

  /** Access of a user with a certificate by the lab's authority, or by another one. */
  async access(id: string, authority = this.authority, notAfter?: Date): Promise<UserAccess> {
    const account = accountsOf(this.settings).find((one) => one.id === id);
    if (!account) {
      throw new Error(`no account ${id}`);
    }
    const { certificates } = this.settings;
    const request = { ...clientRequest(certificates, account), ...clientCertificateArgs(certificates) };
    const leaf = await issue(certificates.algorithm, request, authority, notAfter);
    return {
      user: account.user,
      organisation: account.organisation,
      taskd: {
        server: `127.0.0.1:${this.port}`,
        credentials: credentialsOf(account, this.keys[id]),
        ca: this.authority.certificate,
        certificate: leaf.certificate,
        key: leaf.privateKey,
      },
    };
  }

  /** A device of a user: a data folder and a taskrc of its own. */
  async client(name: string, access: UserAccess): Promise<TaskClient> {
    const folder = path.join(this.folder, name);
    await mkdir(folder, { recursive: true });
    for (const file of clientFiles(access, 2)) {
      await writeFile(path.join(folder, file.name), file.content, { mode: file.mode });
    }
    const taskrc = `data.location=${folder}\nconfirmation=no\nverbose=nothing\n${renderTaskrc(access, 2, folder)}`;
    await writeFile(path.join(folder, "taskrc"), taskrc, { mode: 0o600 });
    return new TaskClient(folder, await debianProgram("taskwarrior", "task"));
  }
}

export class TaskClient {
  constructor(
    readonly folder: string,
    private readonly program: string,
    private readonly wrapper: readonly string[] = [],
  ) {}

  async task(...args: string[]): Promise<string> {
    const env = { ...process.env, TASKRC: path.join(this.folder, "taskrc"), HOME: this.folder };
    const [command, ...rest] = [...this.wrapper, this.program, ...args];
    const { stdout, stderr } = await run(command, rest, { env, timeout: 60_000, maxBuffer: 2 ** 28 });
    return stdout + stderr;
  }

  /** First sync of a device with `init`, which uploads everything it has. */
  sync(init = false): Promise<string> {
    return this.task("sync", ...(init ? ["init"] : []));
  }

  async descriptions(): Promise<string[]> {
    const tasks = JSON.parse(await this.task("status:pending", "export")) as { description: string }[];
    return tasks.map(({ description }) => description).sort();
  }
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { startPaperProviders } from "../../../rig";
import { replaceEncrypted } from "../../engine/encrypted";
import { mortal, run } from "../../engine/process";
import type { Preview } from "../preview";
import { PassphraseCipher } from "./passphrase";
import { isObject, type Json } from "./placeholders";
import type { RecordedResource, Recording } from "./recording";

/** The program at one revision: its checkout, and the stack's configuration there. */
export interface Revision {
  folder: string;
  config: { [key: string]: Json };
}

interface World {
  folder: string;
  stack: string;
  engine: string;
  environment: Record<string, string>;
  cipher: PassphraseCipher;
}

/** What of the environment an engine and a program need that are to see no secret of their caller. */
const passedOn = ["PATH", "HOME", "LANG", "TMPDIR", "NODE_EXTRA_CA_CERTS", "XDG_CACHE_HOME"];

/** Configuration as a stack file holds it. Where a secret is, its ciphertext decides what stands for it. */
function stackFileText(config: Revision["config"], cipher: PassphraseCipher): string {
  const another = (ciphertext: string) => {
    const digest = createHash("sha256").update(ciphertext).digest("hex").slice(0, 16);
    return { secure: cipher.encrypt(`set:set:${digest}`) };
  };
  return yaml.dump({ encryptionsalt: cipher.encryptionSalt, config: replaceEncrypted(config, another) }, { lineWidth: -1 });
}

const stateFile = (world: World) => path.join(world.folder, "backend", ".pulumi", "stacks", "homelab", `${world.stack}.json`);

async function writeState(world: World, resources: readonly RecordedResource[]): Promise<void> {
  const file = stateFile(world);
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(path.join(world.folder, "backend", ".pulumi", "meta.yaml"), "version: 1\n");
  const latest = {
    manifest: { time: "0001-01-01T00:00:00Z", magic: "", version: "" },
    secrets_providers: { type: "passphrase", state: { salt: world.cipher.encryptionSalt } },
    // Protection would end the preview at the first resource that it forbids to go; what is lost is told by the report.
    resources: resources.map((resource) => ({ ...resource, protect: false })),
    metadata: {},
  };
  const checkpoint = { stack: `organization/homelab/${world.stack}`, latest };
  await fs.writeFile(file, JSON.stringify({ version: 3, checkpoint }));
}

async function readState(world: World): Promise<RecordedResource[]> {
  const { checkpoint } = JSON.parse(await fs.readFile(stateFile(world), "utf8")) as {
    checkpoint: { latest?: { resources?: RecordedResource[] } };
  };
  return checkpoint.latest?.resources ?? [];
}

/** The plugins of commands, keys and random values compare with what their outputs repeat of the inputs. */
function withEchoes(resource: RecordedResource): RecordedResource {
  const { type, inputs, outputs } = resource as RecordedResource & { inputs?: Json; outputs?: Json };
  if (!/^(command|random|tls):/.test(type) || !isObject(inputs) || !isObject(outputs)) {
    return resource;
  }
  const repeated = Object.entries(inputs).filter(([key]) => key in outputs);
  return { ...resource, outputs: { ...outputs, ...Object.fromEntries(repeated) } };
}

async function engine(
  world: World,
  revision: Revision,
  name: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<string> {
  const file = path.join(world.folder, `Pulumi.${name}.yaml`);
  await fs.writeFile(file, stackFileText(revision.config, world.cipher), { mode: 0o600 });
  const all = [...args, "--stack", world.stack, "--config-file", file, "--non-interactive"];
  // A report that is killed leaves no engine at work.
  const result = await run(...mortal("TERM", world.engine, all), {
    cwd: revision.folder,
    env: { ...world.environment, ...environment },
    allowFailure: true,
  });
  if (result.code !== 0) {
    throw new Error(`The program at the ${name} ended with an error:\n${failureOf(result)}`);
  }
  return result.stdout;
}

function failureOf({ stdout, stderr }: { stdout: string; stderr: string }): string {
  try {
    const { diagnostics = [] } = JSON.parse(stdout) as { diagnostics?: { severity: string; message: string }[] };
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message.trim());
    return [...new Set(errors)].join("\n");
  } catch {
    return `${stdout}\n${stderr}`.trim().split("\n").slice(-25).join("\n");
  }
}

/** A stack on paper. */
export interface PaperStack {
  /** The recorded state takes over what the program of this revision says: nothing differs from it any more. */
  settle(base: Revision): Promise<void>;
  /** What the engine says that the program of this revision changes. */
  preview(head: Revision): Promise<Preview>;
  /** What the state holds, as the engine wrote it. */
  resources(): Promise<RecordedResource[]>;
  close(): Promise<void>;
}

/** Opens a recorded stack on paper: neither its lab nor any of its secrets is needed, and nothing outside a temporary folder is touched. */
export async function openPaperStack(recording: Recording, engineDirectory: string): Promise<PaperStack> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-report-"));
  const providers = await startPaperProviders(recording.answers);
  const cipher = new PassphraseCipher();
  const kept = Object.fromEntries(passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const environment: Record<string, string> = {
    ...(kept as Record<string, string>),
    PATH: `${engineDirectory}:${process.env.PATH ?? ""}`,
    PULUMI_HOME: path.join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${path.join(folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: cipher.passphrase,
    PULUMI_DEBUG_PROVIDERS: providers.address,
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_SUPPRESS_NEO_LINK: "true",
  };
  const world: World = { folder, stack: recording.stack, engine: path.join(engineDirectory, "pulumi"), environment, cipher };
  await writeState(world, recording.resources);
  return {
    async settle(base) {
      providers.accept(true);
      await engine(world, base, "base", ["up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress"], {
        // The whole state is written after the last step instead of after each: a third of a report's time.
        PULUMI_EXPERIMENTAL: "true",
        PULUMI_SKIP_CHECKPOINTS: "true",
      });
      await writeState(world, (await readState(world)).map(withEchoes));
    },
    async preview(head) {
      providers.accept(false);
      return JSON.parse(await engine(world, head, "head", ["preview", "--json", "--show-sames"])) as Preview;
    },
    resources: () => readState(world),
    async close() {
      await providers.close();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

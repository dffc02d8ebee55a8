import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import versions from "../../../../versions.json";
import {
  Archive,
  type CallContext,
  changes,
  type DiffRequest,
  type DiffResponse,
  diffKind,
  equal,
  hasUnknown,
  mapFromWire,
  type PropertyMap,
  type PropertyValue,
  type Provider,
  plain,
  RpcError,
  stripMap,
  topLevel,
  unknown,
  unwrap,
} from "../protocol";
import { checkedConnection, connectionOf } from "./connection";
import { copy } from "./copy";
import { archiveOf, assetsOf } from "./globs";
import { runLocal } from "./local";
import { asVariable, type Outputs, useByteStrings } from "./outputs";
import { runRemote } from "./remote";
import { check, SCHEMAS } from "./schema";

const LOCAL = "command:local:Command";
const REMOTE = "command:remote:Command";
const COPY_FILE = "command:remote:CopyFile";

/** The types that run scripts; the others copy. */
const runs = (type: string) => type === LOCAL || type === REMOTE;

const shortId = () => randomBytes(4).toString("hex");

/** The inputs among the properties of a state. */
function inputsOf(type: string, state: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(state).filter(([key]) => key in schemaOf(type).fields));
}

function schemaOf(type: string) {
  const schema = SCHEMAS[type];
  if (!schema) {
    throw new RpcError(status.UNIMPLEMENTED, `unknown resource type '${type}'`);
  }
  return schema;
}

/** Runs a script with the resource's inputs; the outputs for the state. */
async function run(
  type: string,
  script: string,
  inputs: PropertyMap,
  previous: PropertyMap | undefined,
  context: CallContext,
): Promise<PropertyMap> {
  const given = plain(inputs) as Record<string, any>;
  const usePrevious = previous !== undefined && given.addPreviousOutputInEnv !== false;
  const state = previous ? stripMap(previous) : {};
  const variables: Record<string, string> = usePrevious
    ? { PULUMI_COMMAND_STDOUT: asVariable(state.stdout), PULUMI_COMMAND_STDERR: asVariable(state.stderr) }
    : {};
  const common = { script, stdin: given.stdin ?? undefined, logging: given.logging ?? undefined };
  let outputs: Outputs;
  if (type === REMOTE) {
    const connection = connectionOf(inputs.connection);
    outputs = await runRemote({ ...common, connection, environment: given.environment ?? undefined, previous: variables }, context);
    return outputs.state();
  }
  const dir: string | undefined = given.dir ?? undefined;
  const environment = { ...variables, ...given.environment };
  outputs = await runLocal({ ...common, dir, interpreter: given.interpreter ?? undefined, environment }, context);
  return {
    ...outputs.state(),
    ...(given.assetPaths ? { assets: assetsOf(dir ?? ".", given.assetPaths) } : {}),
    ...(given.archivePaths ? { archive: archiveOf(dir ?? ".", given.archivePaths) } : {}),
  };
}

/** A text input that was given; an empty one counts. */
function scriptOf(inputs: PropertyMap, name: string): string | undefined {
  const value = inputs[name] === undefined ? null : unwrap(inputs[name]);
  return typeof value === "string" ? value : undefined;
}

async function copyTo(type: string, inputs: PropertyMap, context: CallContext): Promise<void> {
  const given = stripMap(inputs);
  const what = type === COPY_FILE ? { localPath: String(given.localPath) } : { source: given.source };
  await copy(what, String(given.remotePath), connectionOf(given.connection), context);
}

function diff({ type, oldInputs, news, ignoreChanges }: DiffRequest): DiffResponse {
  const olds = inputsOf(type, oldInputs);
  const detailedDiff: NonNullable<DiffResponse["detailedDiff"]> = {};
  const diffs = new Set<string>();
  const replaces = new Set<string>();
  for (const [path, change] of changes(olds, news)) {
    const name = topLevel(path);
    if (ignoreChanges.includes(name)) {
      continue;
    }
    // CopyFile cannot be updated. Elsewhere only `triggers` as a whole replaces; its items do through the SDK.
    const replace = type === COPY_FILE || path === "triggers";
    detailedDiff[path] = { kind: diffKind(change, replace) };
    diffs.add(name);
    if (replace) {
      replaces.add(name);
    }
  }
  return { changes: diffs.size > 0 ? "some" : "none", diffs: [...diffs], replaces: [...replaces], detailedDiff };
}

/**
 * Outputs in the preview of an update: unknown when an input that was there before has changed, or when one is unknown;
 * the official plugin takes no account of inputs that are new.
 */
function previewOutputs(type: string, olds: PropertyMap, news: PropertyMap): PropertyMap {
  const before = inputsOf(type, olds);
  const changed = Object.entries(before).some(([name, value]) => !equal(value, news[name] ?? null)) || hasUnknown(news);
  const outputs = ["stdout", "stderr", "assets", "archive"].filter((name) => name in olds);
  return Object.fromEntries(outputs.map((name) => [name, changed ? unknown : olds[name]]));
}

/** Archives come back from the official plugin with an `assets` field when they have nothing else. */
function echo(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]): [string, PropertyValue] => {
      const bare = value instanceof Archive && !value.fields.path && !value.fields.uri && !value.fields.assets;
      return [key, bare ? new Archive({ ...value.fields, assets: {} }) : value];
    }),
  );
}

/** The stand-in for pulumi-resource-command. */
export const provider: Provider = {
  name: "command",
  version: versions.pulumi.plugins.command,

  handshake({ acceptsByteString }) {
    useByteStrings(acceptsByteString);
    return { acceptSecrets: true, acceptResources: true, acceptOutputs: true, acceptsByteString };
  },
  configure: () => ({ acceptSecrets: true, supportsPreview: true, acceptResources: true, acceptOutputs: true }),
  checkConfig: ({ news }) => ({ inputs: { "__pulumi-go-provider-version": "(devel)", ...news } }),
  diffConfig() {
    throw new RpcError(status.UNIMPLEMENTED, "DiffConfig is not implemented");
  },

  check({ type, news }) {
    const failures = check(schemaOf(type), news);
    const inputs: PropertyMap = { ...news };
    if (news.connection !== undefined && failures.length === 0) {
      inputs.connection = checkedConnection(news.connection);
    }
    return { inputs, failures };
  },

  diff,

  async create({ type, name, properties, preview }, context) {
    const inputs = echo(properties);
    if (!runs(type)) {
      schemaOf(type);
      if (preview) {
        return { id: "", properties: inputs };
      }
      if (type === COPY_FILE) {
        context.log(
          "warning",
          "CopyFile is deprecated: This resource is deprecated and will be removed in a future release. Please use the `CopyToRemote` resource instead.",
        );
      }
      await copyTo(type, properties, context);
      return { id: shortId(), properties: inputs };
    }
    const id = `${name}${shortId()}`;
    if (preview) {
      return { id, properties: { ...inputs, stdout: unknown, stderr: unknown } };
    }
    const script = scriptOf(properties, "create");
    const outputs = script === undefined ? { stdout: "", stderr: "" } : await run(type, script, properties, undefined, context);
    return { id, properties: { ...inputs, ...outputs } };
  },

  async update({ type, olds, news, preview }, context) {
    const inputs = echo(news);
    if (!runs(type)) {
      if (!preview) {
        await copyTo(type, news, context);
      }
      return { properties: inputs };
    }
    if (preview) {
      return { properties: { ...inputs, ...previewOutputs(type, olds, news) } };
    }
    const script = scriptOf(news, "update") ?? scriptOf(news, "create");
    const outputs =
      script === undefined ? { stdout: olds.stdout ?? "", stderr: olds.stderr ?? "" } : await run(type, script, news, olds, context);
    return { properties: { ...inputs, ...outputs } };
  },

  async delete({ type, properties }, context) {
    const script = runs(type) ? scriptOf(properties, "delete") : undefined;
    if (script !== undefined) {
      await run(type, script, properties, properties, context);
    }
  },

  read: ({ id, properties, inputs }) => ({ id, properties: echo(properties), inputs: echo(inputs) }),

  async invoke({ token, args }, context) {
    if (token !== "command:local:run") {
      throw new RpcError(status.UNIMPLEMENTED, `unknown function '${token}'`);
    }
    const failures = check(SCHEMAS[token], args);
    if (failures.length > 0) {
      return { properties: mapFromWire({}), failures };
    }
    const outputs = await run(LOCAL, scriptOf(args, "command") ?? "", { ...args, addPreviousOutputInEnv: false }, undefined, context);
    return { properties: { ...args, ...outputs } };
  },
};

import * as fs from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { UserError } from "../../../components/core/user-error";
import { isObject, type Json, Placeholders, SECRET, SIGNATURE } from "./placeholders";

/** The largest recording that is read, in bytes, before and after it is unpacked. */
const limits = { packed: 32 * 1024 * 1024, unpacked: 256 * 1024 * 1024 };

const resource = z.looseObject({ urn: z.string(), type: z.string() });

const recording = z.strictObject({
  format: z.literal(1),
  stack: z.string(),
  /** Of the checkout that recorded it. */
  commit: z.string(),
  /** ISO 8601. */
  recorded: z.string(),
  /** What differed between the settings and what runs when this was recorded, one line each. */
  unapplied: z.array(z.string()),
  /** What steps printed that the program runs at each preview, by the step's name. */
  answers: z.record(z.string(), z.string()),
  resources: z.array(resource),
});

/** What a report of a stack needs when neither its lab nor its secrets are at hand. */
export type Recording = z.infer<typeof recording>;
export type RecordedResource = z.infer<typeof resource>;

/** A resource of `pulumi stack export --show-secrets`. */
interface Exported {
  urn: string;
  type: string;
  inputs?: Json;
  outputs?: Json;
  [key: string]: unknown;
}

/** A step that asks or changes MAAS. What it prints is what it observed: ids, names, addresses. */
const isStep = ({ type, inputs }: Exported) =>
  type === "command:local:Command" && isObject(inputs) && /^node [\w/.-]*step\.cjs /.test(String(inputs.create ?? ""));

/** @param printed whether this is what a command printed, and whether that is known to hold no secret */
function withoutSecrets(value: Json, placeholders: Placeholders, printed?: "facts" | "output"): Json {
  if (Array.isArray(value)) {
    return value.map((item) => withoutSecrets(item, placeholders));
  }
  if (!isObject(value)) {
    return value;
  }
  if (value[SIGNATURE] === SECRET) {
    const secret = JSON.parse(String(value.plaintext)) as Json;
    const text = typeof secret === "string" ? secret : undefined;
    const replaced =
      printed === "facts" ? secret : printed === "output" && text !== undefined ? placeholders.ofOutput(text) : placeholders.of(secret);
    return { [SIGNATURE]: SECRET, plaintext: JSON.stringify(replaced) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, placeholders)]));
}

function outputsWithoutSecrets(each: Exported, placeholders: Placeholders): Json {
  const { outputs } = each;
  if (!isObject(outputs)) {
    return outputs ?? {};
  }
  const printed = isStep(each) ? "facts" : each.type.startsWith("command:") ? "output" : undefined;
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [
      key,
      withoutSecrets(value, placeholders, key === "stdout" || key === "stderr" ? printed : undefined),
    ]),
  );
}

/** The resources of a stack with a placeholder for each secret, also where one lies in clear in something that is not marked. */
export function recordedResources(exported: readonly Exported[], configSecrets: readonly string[]): RecordedResource[] {
  const placeholders = new Placeholders();
  for (const secret of configSecrets) {
    placeholders.of(secret);
  }
  const marked = exported.map((each) => ({
    ...each,
    inputs: withoutSecrets(each.inputs ?? {}, placeholders),
    outputs: outputsWithoutSecrets(each, placeholders),
  }));
  return marked.map((each) => ({ ...each, inputs: placeholders.scrubbed(each.inputs), outputs: placeholders.scrubbed(each.outputs) }));
}

export async function writeRecording(file: string, content: Recording): Promise<void> {
  await fs.writeFile(file, gzipSync(JSON.stringify(content)), { mode: 0o600 });
}

/** @throws UserError where the file is no recording */
export async function readRecording(file: string): Promise<Recording> {
  const refuse = (message: string) =>
    new UserError({
      path: file,
      message,
      allowed: "a file that './lab record' wrote",
      fix: "record the stack again with './lab record --stack NAME --output FILE'",
    });
  const packed = await fs.readFile(file).catch(() => undefined);
  if (packed === undefined) {
    throw refuse("there is no such file");
  }
  if (packed.length > limits.packed) {
    throw refuse(`too large: ${packed.length} bytes`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(gunzipSync(packed, { maxOutputLength: limits.unpacked }).toString("utf8"));
  } catch {
    throw refuse("not a recording");
  }
  const result = recording.safeParse(parsed);
  if (!result.success) {
    throw refuse(`not a recording of this format: ${z.prettifyError(result.error).split("\n")[0]}`);
  }
  return result.data;
}

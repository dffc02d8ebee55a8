import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { z } from "zod";
import { revealed, Secret } from "../components/core/secret";

/** What is known of a schema that `secret` made: what it holds, and whether a file may stand for that. */
export interface SecretSchema {
  holds: z.ZodType;
  file: boolean;
}

// The library would rewrite the type of a schema in the registry's.
const secretSchemas = z.registry<any>();

/** What `secret` made of a schema, also where it has been given a description since. */
export function secretSchema(schema: z.core.$ZodType): SecretSchema | undefined {
  return secretSchemas.get(schema) as SecretSchema | undefined;
}

/** On the issues of a secret's schema: nothing of what was found may be shown. */
export interface SecretIssue {
  secret?: true;
}

const project = path.resolve(__dirname, "..");
const LARGEST = 256 * 1024;

/**
 * A setting whose value is secret: a `Secret` after parsing, however it was given. The checks of `holds` run inside, and of what they
 * find no value is shown. What is encrypted and cannot be decrypted here is taken unchecked (`Secret.sealed`).
 *
 * @param options.file whether `{file: PATH}` may stand for a text: below the project's folder, absolute, or below `~/`
 */
export function secret<S extends z.ZodType>(holds: S, { file = false } = {}) {
  const schema = z.unknown().transform((given, context): Secret<z.output<S>> => {
    if (isSealed(given)) {
      return Secret.sealed();
    }
    const name = file ? fileOf(given) : undefined;
    const read: Read = name === undefined ? { value: revealed(given) } : readText(name);
    const result = read.problem === undefined ? holds.safeParse(read.value) : undefined;
    if (result?.success) {
      return new Secret(result.data);
    }
    const issues = result?.error.issues ?? [{ code: "custom", message: read.problem, path: ["file"] }];
    context.issues.push(...(issues.map((issue) => ({ ...issue, input: undefined, secret: true })) as never[]));
    return z.NEVER;
  });
  secretSchemas.add(schema, { holds, file });
  return schema;
}

/** Whether a value or a part of it is a secret that is not known here. */
function isSealed(given: unknown): boolean {
  if (Secret.isInstance(given)) {
    return !given.known;
  }
  return given !== null && typeof given === "object" && Object.values(given).some(isSealed);
}

function fileOf(given: unknown): string | undefined {
  return given !== null && typeof given === "object" && Object.keys(given).join() === "file"
    ? String((given as { file: unknown }).file)
    : undefined;
}

interface Read {
  value?: unknown;
  problem?: string;
}

function readText(name: string): Read {
  const place = path.resolve(project, name.replace(/^~(?=\/)/, os.homedir()));
  try {
    if (fs.statSync(place).size > LARGEST) {
      return { problem: `must be a file of at most ${LARGEST / 1024} KiB; ${name} is larger` };
    }
    return { value: fs.readFileSync(place, "utf8") };
  } catch (error) {
    return { problem: `must be a file that can be read; ${name} cannot (${(error as NodeJS.ErrnoException).code})` };
  }
}

/** Whether a secret is, or can be below, what a schema describes. */
export function holdsSecret(schema: z.ZodType): boolean {
  if (secretSchema(schema)) {
    return true;
  }
  return partsOf(schema).some(holdsSecret);
}

/** The schemas that a schema is made of. */
export function partsOf(schema: z.ZodType): z.ZodType[] {
  const def = schema.def as {
    innerType?: z.ZodType;
    in?: z.ZodType;
    options?: z.ZodType[];
    element?: z.ZodType;
    valueType?: z.ZodType;
    shape?: Record<string, z.ZodType>;
  };
  const single = [def.innerType, def.in, def.element, def.valueType].filter((part) => part !== undefined);
  return [...single, ...(def.options ?? []), ...Object.values(def.shape ?? {})];
}

import { z } from "zod";
import { Secret } from "../components/core/secret";
import { nearest, type Problem } from "../components/core/user-error";
import { holdsSecret, type SecretIssue } from "./secret";

/**
 * Translates a schema's findings into problems that a person can act on: full config path, what was found, what is
 * allowed, and the nearest name for a misspelt key or value.
 */
export function problemsOf(error: z.ZodError, schema: z.ZodType, input: unknown, pathOf: (path: PropertyKey[]) => string): Problem[] {
  return error.issues.flatMap((issue) => translate(issue as Issue, schema, input, pathOf, []));
}

type Issue = z.core.$ZodIssue & SecretIssue;

function translate(
  issue: Issue,
  schema: z.ZodType,
  input: unknown,
  pathOf: (path: PropertyKey[]) => string,
  prefix: PropertyKey[],
): Problem[] {
  const full = [...prefix, ...issue.path];
  const path = pathOf(full);
  const given = valueAt(input, full);
  if (Secret.isInstance(given) && !issue.secret) {
    return [encrypted(path)];
  }
  const found = given !== undefined && (issue.secret || mayHoldSecret(schemasAt(schema, full, input))) ? new Secret(given) : given;
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(schema, full, input);
      return issue.keys.map((key) => {
        const near = nearest(key, known);
        return {
          path: pathOf([...full, key]),
          message: "there is no such setting",
          allowed: known.length > 0 ? known.join(", ") : undefined,
          fix: near ? `write "${near}" instead of "${key}"` : `remove "${key}"`,
        };
      });
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      const near = typeof given === "string" ? nearest(given, values) : undefined;
      const message = found === undefined ? "is required" : "is not one of the allowed values";
      return [
        { path, message, found, allowed: values.join(", "), fix: near ? `write "${near}"` : `set it to one of: ${values.join(", ")}` },
      ];
    }
    case "invalid_union": {
      if ("discriminator" in issue && issue.discriminator) {
        const values = ((issue as { options?: unknown[] }).options ?? []).map(String);
        const near = typeof given === "string" ? nearest(given, values) : undefined;
        const message = found === undefined ? "is required" : "is not one of the allowed values";
        return [
          {
            path,
            message,
            found,
            allowed: values.join(", ") || undefined,
            fix: near ? `write "${near}"` : `set it to one of: ${values.join(", ")}`,
          },
        ];
      }
      // The alternative that came nearest tells best what is wrong.
      const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
      return best.length > 0
        ? best.flatMap((inner) => translate(inner, schema, input, pathOf, full))
        : [general(path, issue.message, found)];
    }
    case "invalid_key":
      return issue.issues.map((inner) => general(path, inner.message, String(full.at(-1))));
    default:
      return [general(path, issue.message, found)];
  }
}

function depth(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

const WORDS: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of settings",
  record: "a map",
};

function general(path: string, message: string, found: unknown): Problem {
  const text = message
    .replace(/^Invalid input: expected (\w+), received .*$/, (_, type: string) => `must be ${WORDS[type] ?? `of type ${type}`}`)
    .replace(/^Too (small|big|few|many)[^:]*: /, "");
  const wanted = /^must be (.*)$/s.exec(text)?.[1];
  if (found === undefined) {
    return {
      path,
      message: "is required",
      allowed: wanted,
      fix: `set it, for example in Pulumi.<stack>.yaml${wanted ? `, to ${wanted}` : ""}`,
    };
  }
  return { path, message: text, found, allowed: wanted, fix: wanted ? `change it to ${wanted}` : "change it so that this holds" };
}

/** Of a value that only the engine can read, at a setting whose value has to be known without a passphrase. */
function encrypted(path: string): Problem {
  return {
    path,
    message: "is encrypted, and is no secret setting: it cannot be checked without the stack's passphrase",
    allowed: "a value in plain text",
    fix: "write it in plain text, without secure:",
  };
}

/** Whether something secret can be below these schemas; below an unknown setting anything can be. */
function mayHoldSecret(schemas: readonly z.ZodType[]): boolean {
  return schemas.length === 0 || schemas.some((schema) => holdsSecret(schema));
}

/** The value that a path leads to, as it was given. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value !== null && typeof value === "object" ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

/** The schemas of what a path leads to; several where there are alternatives. */
function schemasAt(schema: z.ZodType, path: readonly PropertyKey[], input: unknown): z.ZodType[] {
  let current: z.ZodType[] = [schema];
  let value = input;
  for (const key of path) {
    current = current.flatMap((one) => step(one, key, value));
    value = valueAt(value, [key]);
  }
  return current;
}

/** The keys that an object at this path may have. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[], input: unknown): string[] {
  const inner = schemasAt(schema, path, input).flatMap((one) => unwrap(one, valueAt(input, path)));
  return [...new Set(inner.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : [])))];
}

function step(schema: z.ZodType, key: PropertyKey, value: unknown): z.ZodType[] {
  return unwrap(schema, value).flatMap((one) => {
    if (one instanceof z.ZodObject) {
      const inner = one.shape[String(key)];
      return inner ? [inner as z.ZodType] : [];
    }
    if (one instanceof z.ZodArray) {
      return [one.element as z.ZodType];
    }
    return one instanceof z.ZodRecord ? [one.valueType as z.ZodType] : [];
  });
}

/** Takes off optional, default and pipe, and chooses the alternative of a union that the value's discriminator names. */
function unwrap(schema: z.ZodType, value: unknown): z.ZodType[] {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType; options?: z.ZodType[]; discriminator?: string };
  if (schema instanceof z.ZodDiscriminatedUnion && def.discriminator) {
    const tag = valueAt(value, [def.discriminator]);
    const options = (def.options ?? []).flatMap((option) => unwrap(option, value));
    const chosen = options.filter(
      (option) => option instanceof z.ZodObject && (option.shape[def.discriminator!] as z.ZodType)?.safeParse(tag).success,
    );
    return chosen.length > 0 ? chosen : options;
  }
  if (def.options) {
    return def.options.flatMap((option) => unwrap(option, value));
  }
  const inner = def.innerType ?? def.in;
  return inner ? unwrap(inner, value) : [schema];
}

import * as fs from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../components/core/user-error";
import { missingConsents } from "./consent";
import type { Report } from "./report";

/** What a review may hold: it is read from where anybody may have written it. */
const limits = { bytes: 32 * 1024 * 1024, text: 4_000, items: 20_000 };

const text = z.string().max(limits.text);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(limits.items);
const gravity = z.enum(["destroys", "interrupts", "adds", "edits"]);
const commit = z.string().regex(/^[0-9a-f]{40,64}$/);
const stackName = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/);
const cause = z.strictObject({ setting: text, file: text, line: z.number().int().positive() });

const effect = z.strictObject({
  gravity,
  subject: text,
  kind: z.enum(["machine", "node", "service", "volume", "namespace", "object", "maas", "command", "secret", "resource"]),
  what: text,
  urn: text,
  properties: list(text),
  causes: list(cause).optional(),
});

const report = z.strictObject({
  stack: stackName,
  destructive: z.boolean(),
  effects: list(effect),
  machines: z.record(text, gravity),
  oneAtATime: list(text).optional(),
  serversLost: list(text).optional(),
  skippedMinor: z.strictObject({ nodes: list(text), from: text, to: text, first: text }).optional(),
  consents: list(z.strictObject({ subject: text, fingerprint: text.optional(), given: z.boolean(), urns: list(text) })),
  counts: z.strictObject({ destroys: z.number(), interrupts: z.number(), adds: z.number(), edits: z.number() }),
});

const reported = z.strictObject({
  stack: stackName,
  report,
  /** The engine's diff, line by line. */
  diff: list(text),
  recorded: z.strictObject({ at: text, commit: text, unapplied: list(text) }),
});

const review = z.strictObject({
  format: z.literal(1),
  base: commit,
  head: commit,
  /** Each with its report, or with what was in its way. */
  stacks: z.array(z.union([reported, z.strictObject({ stack: stackName, problem: text })])).max(100),
});

/** What a pull request does to every stack. */
export type Review = z.infer<typeof review>;
export type StackReview = Review["stacks"][number];
export type Reported = z.infer<typeof reported>;

export const hasReport = (stack: StackReview): stack is Reported => "report" in stack;

/** Longer texts and lists are cut where a review is written, so that it can be read again. */
export function fitting(whole: Review): Review {
  const cut = (value: unknown): unknown => {
    if (typeof value === "string") {
      return value.length > limits.text ? `${value.slice(0, limits.text - 1)}…` : value;
    }
    if (Array.isArray(value)) {
      return value.slice(0, limits.items).map(cut);
    }
    return typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cut(item)]))
      : value;
  };
  return cut(whole) as Review;
}

/** @throws UserError where the file is no review */
export async function readReview(file: string): Promise<Review> {
  const refuse = (message: string) =>
    new UserError({ path: file, message, allowed: "a file that './lab review' wrote", fix: "run './lab review' again" });
  const found = await fs.lstat(file).catch(() => undefined);
  if (!found || found.size > limits.bytes) {
    throw refuse(found ? `too large: ${found.size} bytes` : "there is no such file");
  }
  // A link may lead to what never ends, or to what is not the sender's.
  if (!found.isFile()) {
    throw refuse("a link or a device, not a file");
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(await fs.readFile(file, "utf8"));
  } catch {
    throw refuse("not JSON");
  }
  const result = review.safeParse(parsed);
  if (!result.success) {
    throw refuse(`not a review: ${result.error.issues[0]?.path.join(".")}`);
  }
  return result.data;
}

/** The stacks that lose data without the consent of their settings. */
export function withoutConsent(whole: Review): Report[] {
  return whole.stacks
    .filter(hasReport)
    .flatMap((each) => (missingConsents(each.report as Report).length > 0 ? [each.report as Report] : []));
}

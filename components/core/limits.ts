/** Limits for what comes from outside, so that nothing that is sent can exhaust memory or stack. */

/** Bytes of one answer of MAAS. A thousand machines' worth is 20 MiB. */
export const LARGEST_ANSWER = 64 << 20;
/** Bytes of what a step is told on stdin: user data and settings of one thing. */
export const LARGEST_INPUT = 16 << 20;
/** Bytes that a command over SSH may print where it answers in lines. */
export const LARGEST_LINES = 1 << 20;
/** Bytes that a command over SSH may print where it sends an archive. */
export const LARGEST_ARCHIVE = 1 << 30;
/** Levels of objects and lists in JSON; MAAS's deepest answer has 9. */
export const DEEPEST = 128;

/** Something is larger or deeper than it may be. The message goes on after the name of the thing. */
export class TooMuch extends Error {}

/**
 * Refuses JSON of more levels than that. Parsing it would be harmless, walking through it is not.
 *
 * @throws TooMuch
 */
export function checkDepth(text: string, deepest = DEEPEST): void {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (quoted) {
      if (code === 0x5c) {
        index++;
      } else if (code === 0x22) {
        quoted = false;
      }
    } else if (code === 0x22) {
      quoted = true;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > deepest) {
        throw new TooMuch(`is nested more than ${deepest} levels deep`);
      }
    } else if (code === 0x5d || code === 0x7d) {
      depth--;
    }
  }
}

/**
 * JSON of limited depth.
 *
 * @throws TooMuch, or SyntaxError
 */
export function parseJson(text: string, deepest = DEEPEST): unknown {
  checkDepth(text, deepest);
  return JSON.parse(text);
}

/** The text of an answer, read only as far as it may be long. */
export async function limitedText(answer: Response, largest = LARGEST_ANSWER): Promise<string> {
  const tooLarge = () => new TooMuch(`is larger than ${largest >> 20} MiB`);
  if (Number(answer.headers.get("content-length") ?? 0) > largest) {
    await answer.body?.cancel();
    throw tooLarge();
  }
  if (!answer.body) {
    return "";
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > largest) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(part.value);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Whether a value from JSON or YAML has more levels than that; asks without recursion. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  const left: [unknown, number][] = [[value, 0]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [inner, level] = next;
    if (level > levels) {
      return true;
    }
    // Only what JSON and YAML make: anything else is the program's own, and may lead back to itself.
    if (typeof inner === "object" && inner !== null && [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(inner))) {
      for (const each of Object.values(inner)) {
        left.push([each, level + 1]);
      }
    }
  }
  return false;
}

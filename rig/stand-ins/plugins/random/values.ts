import { randomBytes, randomInt } from "node:crypto";
import { genSalt, hash } from "bcryptjs";
import { crc64, GoRandom } from "./go-random";
import { ADJECTIVES, ADVERBS, ANIMALS } from "./words";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** Settings of RandomPassword and RandomString with their defaults filled in. */
export interface TextRules {
  length: number;
  lower: boolean;
  upper: boolean;
  numeric: boolean;
  special: boolean;
  minLower: number;
  minUpper: number;
  minNumeric: number;
  minSpecial: number;
  overrideSpecial?: string | null;
}

const pick = (from: string | readonly string[]) => from[randomInt(from.length)];

/** A text of the wanted length with at least so many characters of each class, in random order. */
export function randomText(rules: TextRules): string {
  const classes = [
    { use: rules.lower, set: LOWER, least: rules.minLower },
    { use: rules.upper, set: UPPER, least: rules.minUpper },
    { use: rules.numeric, set: DIGITS, least: rules.minNumeric },
    { use: rules.special, set: rules.overrideSpecial || SPECIAL, least: rules.minSpecial },
  ];
  const all = classes.map(({ use, set }) => (use ? set : "")).join("");
  // A class that is off still gives its minimum, as in the provider.
  const characters = classes.flatMap(({ set, least }) => Array.from({ length: least }, () => pick(set)));
  while (characters.length < rules.length) {
    characters.push(pick(all));
  }
  for (let i = characters.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [characters[i], characters[j]] = [characters[j], characters[i]];
  }
  return characters.join("");
}

/** The bcrypt hash of a text (its first 72 bytes count), cost 10, in the form Go writes. */
export async function bcryptHash(text: string): Promise<string> {
  const salt = await genSalt(10);
  return hash(text, salt.replace(/^\$2[aby]\$/, "$2a$"));
}

/** `adverbs-adjective-animal` with so many words; from 1 on, the last is an animal. */
export function petName(words: number, separator: string): string {
  if (words === 1) {
    return pick(ANIMALS);
  }
  const adverbs = Array.from({ length: Math.max(words - 2, 0) }, () => pick(ADVERBS));
  return [...adverbs, pick(ADJECTIVES), pick(ANIMALS)].join(separator);
}

/** A whole number from min to max, both included. */
export function integer(min: number, max: number, seed: string | undefined): number {
  const span = max - min + 1;
  if (seed) {
    return new GoRandom(crc64(seed)).intn(span) + min;
  }
  // randomInt takes spans below 2^48 only.
  return span < 2 ** 48 ? randomInt(span) + min : min + Number(randomBytes(8).readBigUInt64BE() % BigInt(span));
}

/** `count` items: one permutation of the list after another. */
export function shuffle(items: readonly unknown[], count: number, seed: string | undefined): unknown[] {
  const seeded = seed ? new GoRandom(crc64(seed)) : undefined;
  const result: unknown[] = [];
  while (items.length > 0 && result.length < count) {
    const order = seeded ? seeded.permutation(items.length) : permutation(items.length);
    result.push(...order.map((index) => items[index]));
  }
  return result.slice(0, Math.max(count, 0));
}

function permutation(count: number): number[] {
  const order: number[] = [];
  for (let i = 0; i < count; i++) {
    const j = randomInt(i + 1);
    order[i] = order[j] ?? i;
    order[j] = i;
  }
  return order;
}

const dashed = (bytes: Buffer) => bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** Sixteen random bytes as a UUID: without version bits, or of version 4 or 7 (RFC 9562). */
export function uuid(version: 4 | 7 | undefined): string {
  const bytes = randomBytes(16);
  if (version === 7) {
    bytes.writeUIntBE(Date.now(), 0, 6);
  }
  if (version) {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
  }
  return dashed(bytes);
}

/** Random bytes in the four forms of RandomId. */
export function idForms(bytes: Buffer, prefix: string): { id: string; b64Url: string; b64Std: string; hex: string; dec: string } {
  const id = bytes.toString("base64url");
  const decimal = bytes.length > 0 ? BigInt(`0x${bytes.toString("hex")}`).toString() : "0";
  return {
    id,
    b64Url: prefix + id,
    b64Std: prefix + bytes.toString("base64"),
    hex: prefix + bytes.toString("hex"),
    dec: prefix + decimal,
  };
}

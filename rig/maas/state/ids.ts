/** Random names of the kinds MAAS makes up. */
import { randomBytes, randomInt } from "node:crypto";

const idLetters = "346789abcdefghkmnpqrtwxy";
const keyLetters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const pick = (letters: string, length: number) => Array.from({ length }, () => letters[randomInt(letters.length)]).join("");

/** Six characters of MAAS's alphabet; the first is never a 1, so that it cannot be taken for a number. */
export const systemId = () => pick(idLetters, 6);
export const key = (length: number) => pick(keyLetters, length);

export function uuid(): string {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const adjectives = [
  "able",
  "brave",
  "calm",
  "casual",
  "clever",
  "eager",
  "fair",
  "fleet",
  "fond",
  "full",
  "game",
  "gentle",
  "grand",
  "keen",
  "light",
  "lucky",
  "merry",
  "mighty",
  "noble",
  "prime",
  "proud",
  "quick",
  "ready",
  "smart",
  "solid",
  "stable",
  "subtle",
  "sunny",
  "swift",
  "tidy",
  "vital",
  "wired",
  "wise",
  "witty",
];
const animals = [
  "adder",
  "bat",
  "bear",
  "bison",
  "boar",
  "camel",
  "cicada",
  "crab",
  "crane",
  "dove",
  "eagle",
  "ferret",
  "finch",
  "fox",
  "gecko",
  "goose",
  "hare",
  "hawk",
  "heron",
  "ibex",
  "koala",
  "lark",
  "lion",
  "lynx",
  "mink",
  "mole",
  "moose",
  "newt",
  "otter",
  "owl",
  "panda",
  "quail",
  "raven",
  "robin",
  "seal",
  "shark",
  "skink",
  "stag",
  "swan",
  "tiger",
  "toad",
  "viper",
  "wolf",
  "wren",
  "yak",
  "zebra",
];

/** Two words, as MAAS names a machine that came without a name. */
export const petName = () => `${adjectives[randomInt(adjectives.length)]}-${animals[randomInt(animals.length)]}`;

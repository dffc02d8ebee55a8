import type { Random } from "./random";

/** Values that programs stumble over. */
const odd: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  2 ** 53,
  0.1,
  "",
  " ",
  "0",
  "null",
  "-1",
  "\u0000",
  "\u202e",
  "💥",
  "x'; $(reboot) `id` \"",
  "../../etc/passwd",
  "%s%n%d",
  "__proto__",
  "constructor",
  "a".repeat(5000),
  "\n\n---\n",
  "192.168.200.999",
  "99999999999999999999 days",
  "2026-13-45T99:99:99Z",
  [],
  {},
  [[]],
  [null],
  { __proto__: null },
  { "": "" },
];

function deep(levels: number): unknown {
  let value: unknown = "x";
  for (let level = 0; level < levels; level++) {
    value = level % 2 === 0 ? [value] : { a: value };
  }
  return value;
}

function oddValue(random: Random): unknown {
  return random.below(200) === 0 ? deep(50 + random.below(500)) : structuredClone(random.pick(odd));
}

/** A copy in which one to four places are something else: replaced, removed, doubled, renamed, or moved. */
export function mutateValue(random: Random, value: unknown): unknown {
  const holder = { root: structuredClone(value) };
  for (let times = 1 + random.below(4); times > 0; times--) {
    const places = placesOf(holder);
    const [parent, key] = random.pick(places);
    const object = parent as Record<string, unknown>;
    switch (random.below(Array.isArray(parent) ? 6 : 5)) {
      case 0:
      case 1:
        object[key] = oddValue(random);
        break;
      case 2:
        if (parent !== holder) {
          delete object[key];
        }
        break;
      case 3: {
        const [from, name] = random.pick(places);
        object[key] = structuredClone((from as Record<string, unknown>)[name]);
        break;
      }
      case 4:
        object[`${key}${random.pick(["", "s", "_", "\u0000"])}`] = oddValue(random);
        break;
      default:
        (parent as unknown[]).push(...Array.from({ length: 1 + random.below(30) }, () => structuredClone(object[key])));
    }
  }
  return holder.root;
}

/** Every place in a value, as the object or list that it is in and its key there. */
function placesOf(value: object): [object, string][] {
  const places: [object, string][] = [];
  const left: object[] = [value];
  for (let next = left.pop(); next !== undefined && places.length < 3000; next = left.pop()) {
    for (const [key, inner] of Object.entries(next)) {
      places.push([next, key]);
      if (typeof inner === "object" && inner !== null) {
        left.push(inner);
      }
    }
  }
  return places;
}

const pieces = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\n",
  "- ",
  "&a ",
  "*a ",
  "!!js/function ",
  "|\n",
  "\u0000",
  "\ud800",
  "<<: ",
  "? ",
  "'",
  "\\",
  "\t",
];

/** A copy of a text in which some stretches are cut, doubled or replaced. */
export function mutateText(random: Random, text: string): string {
  let result = text;
  for (let times = 1 + random.below(5); times > 0; times--) {
    const at = random.below(result.length + 1);
    const to = Math.min(result.length, at + random.below(40));
    const stretch = result.slice(at, to);
    const put = random.pick([
      "",
      random.pick(pieces),
      stretch.repeat(2 + random.below(5)),
      random.pick(pieces).repeat(1 + random.below(2000)),
      String.fromCharCode(random.below(0xffff)),
    ]);
    result = random.below(20) === 0 ? result.slice(0, at) : result.slice(0, at) + put + result.slice(to);
  }
  return result;
}

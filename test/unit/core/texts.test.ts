import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { canonical } from "../../../components/core/canonical";
import { DEEPEST, isDeeperThan, parseJson, TooMuch } from "../../../components/core/limits";
import { quote } from "../../../components/core/shell";

/** The same value with the keys of its objects in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(shuffled);
  }
  return value !== null && typeof value === "object"
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      )
    : value;
}

it("canonical JSON is one text for equal values, whatever the order of their keys, and loses nothing", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonical(shuffled(value))).toBe(canonical(value));
      expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

it("JSON is refused by its depth, not by brackets in its texts", () => {
  const depthOf = (value: unknown): number =>
    value !== null && typeof value === "object" ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 1, max: 5 }), (value, deepest) => {
      const text = JSON.stringify(value);
      const depth = depthOf(value);
      expect(isDeeperThan(depth, value)).toBe(false);
      if (depth > deepest) {
        expect(() => parseJson(text, deepest)).toThrow(TooMuch);
      } else {
        expect(parseJson(text, deepest)).toEqual(JSON.parse(text));
      }
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[[\]{}"\\a]*$/), (text) => {
      expect(parseJson(JSON.stringify([text.repeat(DEEPEST)]))).toEqual([text.repeat(DEEPEST)]);
    }),
  );
});

it("a quoted word is one word to a shell, and the same", () => {
  const words = fc
    .sample(
      fc.string({
        unit: fc.oneof(
          fc.constantFrom("'", '"', "\\", "$", "`", "!", "*", "~", "#", "\n", " ", "-", "é"),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
      }),
      200,
    )
    .filter((word) => !word.includes("\0"));
  // One shell for all: it prints each word with a line of its own after it.
  const printed = execFileSync("/bin/sh", ["-c", `printf '%s\\001' ${words.map(quote).join(" ")}`], { encoding: "utf8" });
  expect(printed.split("\u0001").slice(0, -1)).toEqual(words.map((word) => word));
});

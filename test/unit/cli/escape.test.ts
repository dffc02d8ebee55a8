import * as fc from "fast-check";
import { block, code, oneLine } from "../../../cli/report/escape";

const anything = fc.string({ unit: "binary", maxLength: 300 });

it("a name from elsewhere is one line of well-formed text, and no longer than is shown", () => {
  fc.assert(
    fc.property(anything, (text) => {
      const shown = oneLine(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect((shown as string & { isWellFormed(): boolean }).isWellFormed()).toBe(true);
      expect(shown.length).toBeLessThanOrEqual(120);
    }),
  );
  // The cut is in the middle of a character that is two.
  expect(oneLine(`${"a".repeat(118)}😀😀`)).toBe(`${"a".repeat(118)}…`);
});

it("no text ends its own code span or block", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("`", "a", " ", "\n", "~") }), (text) => {
      const span = code(text);
      const [fence] = /^`+/.exec(span) ?? [""];
      // Of a run of backticks as long as the fence there are two: the fence.
      expect(span.match(/`+/g)?.filter((run) => run === fence)).toHaveLength(2);
      const [opening, ...lines] = block([text]).split("\n");
      expect(lines.slice(0, -1).every((line) => !line.includes(opening))).toBe(true);
    }),
  );
});

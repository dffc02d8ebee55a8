import * as fc from "fast-check";
import { canonicalQuantity } from "../../../cli/drift/quantity";

describe("canonicalQuantity", () => {
  it.each([
    ["1000m", "1"],
    ["0.5", "500m"],
    [2, "2"],
    [0.25, "250m"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["1000Ki", "1000Ki"],
    ["512", "512"],
    ["1000", "1k"],
    ["1.001", "1001m"],
    ["1e3", "1e3"],
    ["100E-3", "100e-3"],
    ["0", "0"],
    ["0.5Ki", "512"],
    ["-1000m", "-1"],
    ["0.1n", "1n"],
  ])("gives %p as %p", (given, expected) => expect(canonicalQuantity(given)).toBe(expected));

  it.each(["", "1X", "Mi", ".", "one", "1 Gi", true, null])("takes %p for no quantity", (given) =>
    expect(canonicalQuantity(given)).toBeUndefined(),
  );

  it("says the same thing the same way whatever way it was said", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom("", "k", "M", "m", "Ki", "Mi", "Gi"), (number, suffix) => {
        const once = canonicalQuantity(`${number}${suffix}`)!;
        expect(canonicalQuantity(once)).toBe(once);
        if (suffix === "Mi") {
          expect(canonicalQuantity(`${number * 1024}Ki`)).toBe(once);
        }
        if (suffix === "") {
          expect(canonicalQuantity(`${number * 1000}m`)).toBe(once);
        }
      }),
    );
  });
});

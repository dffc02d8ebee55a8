import * as fc from "fast-check";
import { addressesOf, cidr, cron, duration, parseRange, toSeconds } from "../../../components/core/notations";

const takes = (schema: { safeParse(value: unknown): { success: boolean } }, text: string) => schema.safeParse(text).success;

describe("a cron schedule", () => {
  const bounds = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 7],
  ] as const;
  const part = ([low, high]: readonly [number, number]) => {
    const value = fc.integer({ min: low, max: high });
    const range = fc.oneof(
      fc.constant("*"),
      value.map(String),
      fc.tuple(value, value).map((pair) => pair.sort((a, b) => a - b).join("-")),
    );
    return fc.tuple(range, fc.option(fc.integer({ min: 1, max: 59 }))).map(([text, step]) => (step === null ? text : `${text}/${step}`));
  };
  const field = (bound: readonly [number, number]) => fc.array(part(bound), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
  const schedule = fc.tuple(...bounds.map(field)).map((fields) => fields.join(" "));

  it("is taken in whatever way it is written", () => {
    fc.assert(fc.property(schedule, (text) => takes(cron, text)));
  });

  it("has no part that is none", () => {
    const bad = fc.constantFrom("*x", "**", "*5", "*-5", "", "a", "1-", "-1", "1/", "*/0", "*/", "5-1-2", "60", "1.5", "+1", "*/x", "0x1");
    fc.assert(
      fc.property(schedule, fc.nat(4), bad, (text, place, wrong) => {
        const fields = text.split(" ");
        fields[place] = wrong;
        return !takes(cron, fields.join(" "));
      }),
    );
  });

  it("has five fields, and no range that ends before it begins", () => {
    fc.assert(fc.property(schedule, (text) => !takes(cron, `${text} *`) && !takes(cron, text.split(" ").slice(1).join(" "))));
    expect(takes(cron, "5-1 * * * *")).toBe(false);
  });
});

describe("a network", () => {
  const network = fc.tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 22, max: 32 })).map(([address, bits]) => {
    const first = Math.floor(address / 2 ** (32 - bits)) * 2 ** (32 - bits);
    return { bits, first };
  });
  const dotted = (address: number) => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");

  it("is as many addresses as its mask leaves, from its own on", () => {
    fc.assert(
      fc.property(network, ({ bits, first }) => {
        const addresses = addressesOf(parseRange(`${dotted(first)}/${bits}`));
        expect(takes(cidr, `${dotted(first)}/${bits}`)).toBe(true);
        expect([addresses.length, addresses[0], addresses.at(-1)]).toEqual([
          2 ** (32 - bits),
          dotted(first),
          dotted(first + 2 ** (32 - bits) - 1),
        ]);
      }),
    );
  });

  it("is none with host bits", () => {
    fc.assert(fc.property(network, ({ bits, first }) => bits === 32 || !takes(cidr, `${dotted(first + 1)}/${bits}`)));
  });
});

it("a duration that is taken is longer than nothing and ends", () => {
  const text = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.constantFrom("second", "minutes", "hours", "day"))
    .map((pair) => pair.join(" "));
  fc.assert(
    fc.property(text, (written) => {
      const { success, data } = duration.safeParse(written);
      return !success || (toSeconds(data) > 0 && Number.isSafeInteger(toSeconds(data) * 1e6));
    }),
  );
});

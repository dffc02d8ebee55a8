import * as fc from "fast-check";
import { contains, fromNumber, gaps, merge, normaliseCidr, overlaps, parseCidr, toNumber } from "../../../rig/maas/machine/addresses";

describe("subnets", () => {
  it.each([
    ["192.168.200.0/24", "192.168.200.1", "192.168.200.254"],
    ["10.0.0.0/31", "10.0.0.0", "10.0.0.1"],
    ["10.0.0.8/30", "10.0.0.9", "10.0.0.10"],
    ["fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff"],
  ])("%s has hosts from %s to %s", (cidr, first, last) => {
    const network = parseCidr(cidr)!;
    expect([fromNumber(network.first, network.version), fromNumber(network.last, network.version)]).toEqual([first, last]);
  });

  it.each(["300.1.2.0/24", "10.0.0.0", "10.0.0.0/33", "lab"])("%s is no CIDR", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it("are named by their first address", () => {
    expect(normaliseCidr("10.1.2.3/16")).toBe("10.1.0.0/16");
  });

  it("overlap with what is in them, and not with their neighbours", () => {
    expect(overlaps("10.0.0.0/16", "10.0.9.0/24")).toBe(true);
    expect(overlaps("10.0.0.0/24", "10.0.1.0/24")).toBe(false);
    expect(contains("10.0.0.0/24", "10.0.1.0")).toBe(false);
    expect(contains("10.0.0.0/24", "fd00::1")).toBe(false);
  });
});

describe("ranges", () => {
  const range = (start: string, end: string, purpose = "reserved") => ({ start: toNumber(start), end: toNumber(end), purpose: [purpose] });

  it("are joined where they touch and mean the same", () => {
    expect(merge([range("10.0.0.5", "10.0.0.6"), range("10.0.0.1", "10.0.0.4")])).toEqual([range("10.0.0.1", "10.0.0.6")]);
    expect(merge([range("10.0.0.1", "10.0.0.4"), range("10.0.0.5", "10.0.0.6", "dynamic")])).toHaveLength(2);
  });

  it("and their gaps cover a subnet exactly once", () => {
    const network = parseCidr("10.0.0.0/26")!;
    const taken = fc.array(fc.tuple(fc.integer({ min: 1, max: 62 }), fc.integer({ min: 0, max: 20 })));
    fc.assert(
      fc.property(taken, (pairs) => {
        const ranges = pairs.map(([start, length]) => ({
          start: network.base + BigInt(start),
          end: network.base + BigInt(Math.min(62, start + length)),
          purpose: ["reserved"],
        }));
        const all = [...merge(ranges), ...gaps(network, ranges)];
        const covered = all.flatMap(({ start, end }) =>
          Array.from({ length: Number(end - start) + 1 }, (_, index) => Number(start - network.base) + index),
        );
        expect([...covered].sort((a, b) => a - b)).toEqual(Array.from({ length: 62 }, (_, index) => index + 1));
      }),
    );
  });
});

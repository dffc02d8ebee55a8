import fc from "fast-check";
import { overlap } from "../../../rig/machines/host-check";
import { labName } from "../../../rig/machines/nspawn-hardware";
import { cableName } from "../../../rig/machines/power";
import { identify, isAlive } from "../../../rig/machines/processes";

describe("networks that overlap", () => {
  test.each([
    ["192.168.200.0/24", "192.168.200.77/32", true],
    ["192.168.200.0/24", "192.168.0.0/16", true],
    ["192.168.200.0/24", "192.168.200.128/25", true],
    ["192.168.200.0/24", "192.168.201.0/24", false],
    ["10.0.0.0/8", "192.168.200.0/24", false],
  ])("%s and %s: %s", (one, other, expected) => {
    expect(overlap(one, other)).toBe(expected);
    expect(overlap(other, one)).toBe(expected);
  });
});

describe("a cable's name", () => {
  test("fits into an interface name, and differs between machines and between labs", () => {
    const octet = fc.integer({ min: 0, max: 255 }).map((value) => value.toString(16).padStart(2, "0"));
    const card = fc.record({
      lab: fc.constantFrom("lab-1", "lab-2"),
      mac: fc.array(octet, { minLength: 6, maxLength: 6 }).map((octets) => octets.join(":")),
    });
    fc.assert(
      fc.property(card, card, (a, b) => {
        const [one, other] = [a, b].map(({ lab, mac }) => cableName(lab, mac));
        expect(one.length).toBeLessThanOrEqual(15);
        expect(one === other).toBe(a.lab === b.lab && a.mac === b.mac);
      }),
    );
  });
});

describe("a lab's name", () => {
  test("is the same however its state folder is written, and another for another folder", () => {
    expect(labName("/srv/lab/")).toBe(labName("/srv/x/../lab"));
    expect(labName("/srv/lab")).not.toBe(labName("/srv/lab2"));
  });
});

describe("a process", () => {
  test("is known by its start time: the same id with another start time is another process", () => {
    const self = identify(process.pid);
    expect(self && isAlive(self)).toBe(true);
    expect(isAlive({ pid: process.pid, startTime: (self?.startTime ?? 0) + 1 })).toBe(false);
  });
});

import fc from "fast-check";
import { readRecord } from "../../../rig/lab-record";
import { overlap } from "../../../rig/machines/host-check";
import { simulatorOf } from "../../../rig/machines/labs-on-host";
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

describe("a simulator", () => {
  test.each([
    [["node", "--require", "x.cjs", "/a/rig/main.ts", "--state", "/a/.lab/sim"], { state: "/a/.lab/sim" }],
    [["/usr/bin/node", "/a/sim/main.ts", "--state", "s", "--bridge", "b"], { state: "s", bridge: "b" }],
    [["node", "/a/rig/main.ts", "clean", "--state", "/a/.lab/sim"], undefined],
    [["vim", "/a/rig/main.ts", "--state", "s"], undefined],
    [["node", "/a/other/main.ts", "--state", "s"], undefined],
    [["node", "/a/rig/main.ts", "--state"], undefined],
  ])("is known by its command line: %j", (words, expected) => {
    expect(simulatorOf(words)).toEqual(expected);
  });

  test("has no record where the file is torn or of something else", () => {
    const whole = JSON.stringify({ pid: 7, startTime: 12, url: "http://a", mirror: "http://b" });
    expect(readRecord(whole)).toEqual({ pid: 7, startTime: 12, url: "http://a", mirror: "http://b" });
    for (let length = 0; length < whole.length; length++) {
      expect(readRecord(whole.slice(0, length))).toBeUndefined();
    }
    fc.assert(fc.property(fc.json(), (text) => ["undefined", "object"].includes(typeof readRecord(text))));
  });
});

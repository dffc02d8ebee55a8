import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { inventoryOf } from "../../../rig/machines/inventory";
import { defaultProfile, readProfile } from "../../../rig/profile";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), "profile-"));
});
afterEach(() => fs.rm(folder, { recursive: true }));

async function read(content: unknown) {
  const file = path.join(folder, "profile.json");
  await fs.writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return readProfile(file);
}

describe("a hardware profile", () => {
  test("that says nothing is the default, with MAC addresses counted up", async () => {
    const profile = await read({});
    expect(profile).toEqual(defaultProfile());
    expect(profile.machines.map(({ cards }) => cards[0].macAddress).slice(0, 2)).toEqual(["52:54:00:c8:00:01", "52:54:00:c8:00:02"]);
  });

  test("may change one duration", async () => {
    const { durations } = await read({ durations: { commissioning: 5 } });
    expect(durations).toEqual({ ...defaultProfile().durations, commissioning: 5 });
  });

  test.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /cannot be read as JSON/],
    ["no machines", { machines: [] }, /machines:/],
    ["an unknown key", { machine: [] }, /machine/],
    [
      "a MAC address in capitals",
      { machines: [{ ...defaultProfile().machines[0], cards: [{ name: "enp1s0", macAddress: "52:54:00:C8:00:01" }] }] },
      /machines\.0\.cards\.0\.macAddress: a MAC address in lower case/,
    ],
    [
      "two machines with one MAC address",
      { machines: [defaultProfile().machines[0], { ...defaultProfile().machines[0], name: "other" }] },
      /52:54:00:c8:00:01 is there twice, in machine-1 and in other/,
    ],
  ])("with %s is refused", async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });
});

describe("what commissioning finds", () => {
  test("is what the profile says", () => {
    const machine = defaultProfile().machines[0];
    expect(inventoryOf(machine, "192.168.200.254")).toMatchObject({
      cpuCount: machine.cores,
      memoryMib: machine.memory,
      disks: [{ name: "sda", sizeBytes: machine.disks[0].size }],
      interfaces: [{ macAddress: "52:54:00:c8:00:01", name: "enp1s0", discoveredAddress: "192.168.200.254" }],
    });
  });

  test("has serial numbers that differ between machines and stay with them", () => {
    const [first, second] = defaultProfile().machines;
    expect(inventoryOf(first, "192.168.200.254").hardwareUuid).toBe(inventoryOf(first, "192.168.200.254").hardwareUuid);
    expect(inventoryOf(first, "192.168.200.254").hardwareUuid).not.toBe(inventoryOf(second, "192.168.200.254").hardwareUuid);
    expect(inventoryOf(first, "192.168.200.254").hardwareUuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

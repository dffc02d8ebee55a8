import { MaasClient } from "../../../maas/client";
import { StepError } from "../../../maas/step-error";
import { ensureDhcp } from "../../../maas/steps/dhcp";
import { importImages } from "../../../maas/steps/images";
import { FakeClock, fakeFetch, type Reply, type Seen } from "./support";

function contextFor(answer: (seen: Seen) => Reply) {
  const { fetch, seen } = fakeFetch(answer);
  const clock = new FakeClock();
  const client = new MaasClient({ url: "http://maas.test/MAAS", apiKey: "a:b:c", fetch, clock });
  return { context: { client, clock, log: () => undefined }, seen, clock };
}

test("a second DHCP server on the wire is found and named, and nothing is switched on", async () => {
  const vlan = { id: 7, vid: 0, fabric: "home", dhcp_on: false, external_dhcp: "192.168.200.254", primary_rack: null };
  const { context, seen } = contextFor(({ path }) => ({ json: path === "subnets/" ? [{ id: 1, cidr: "192.168.200.0/24", vlan }] : vlan }));
  await expect(ensureDhcp(context, { subnet: "192.168.200.0/24", on: true })).rejects.toMatchObject({
    message: expect.stringContaining("192.168.200.254"),
    fix: expect.stringContaining("homelab:network.dhcp"),
  });
  expect(seen.every((each) => each.method === "GET")).toBe(true);
});

test("which of several rack controllers serves DHCP must be said", async () => {
  const vlan = { id: 7, vid: 0, fabric: "home", dhcp_on: false, external_dhcp: null, primary_rack: null };
  const racks = [
    { system_id: "a", hostname: "rack-1" },
    { system_id: "b", hostname: "rack-2" },
  ];
  const { context, seen } = contextFor(({ path }) => ({
    json: path === "subnets/" ? [{ id: 1, cidr: "192.168.200.0/24", vlan }] : path === "rackcontrollers/" ? racks : vlan,
  }));
  await expect(ensureDhcp(context, { subnet: "192.168.200.0/24", on: true })).rejects.toThrow(/rack-1, rack-2/);
  await ensureDhcp(context, { subnet: "192.168.200.0/24", on: true, primaryRack: "rack-2" });
  expect(Object.fromEntries(seen.find((each) => each.method === "PUT")?.form ?? [])).toEqual({ dhcp_on: "true", primary_rack: "b" });
});

describe("images", () => {
  const desired = { releases: [{ os: "ubuntu", release: "noble", architectures: ["amd64"] }], limit: 3600 };
  const noble = [{ name: "ubuntu/noble", architecture: "amd64/ga-24.04" }];

  test("are imported and waited for", async () => {
    let imported = 0;
    const { context, clock } = contextFor(({ path }) => {
      if (path.includes("op=import")) {
        imported = clock.now();
        return { text: "Import of boot resources started" };
      }
      if (path.includes("is_importing")) {
        return { json: true };
      }
      return { json: path === "boot-resources/" && imported > 0 && clock.now() - imported > 120_000 ? noble : [] };
    });
    expect(await importImages(context, desired)).toEqual({ images: ["ubuntu/noble/amd64"], made: [] });
    expect(clock.sleeps.length).toBeGreaterThan(5);
  });

  test("that never come are named", async () => {
    const { context } = contextFor(({ path }) => ({
      json: path.includes("is_importing") ? false : path.includes("op=import") ? "started" : [],
    }));
    const error = (await importImages(context, desired).catch((each: unknown) => each)) as StepError;
    expect(error).toBeInstanceOf(StepError);
    expect(error.message).toMatch(/ubuntu\/noble\/amd64 was not imported: MAAS has stopped importing/);
  });
});

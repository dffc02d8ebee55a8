import { MaasClient } from "../../../components/maas/api/client";
import { RegionReads } from "../../../components/maas/api/region-reads";
import type { Machine } from "../../../components/maas/api/types";
import { FakeClock, fakeFetch } from "./support";

const machine = (id: string, status = "Deploying") =>
  ({
    system_id: id,
    status_name: status,
    status_message: null,
    interface_set: [{ mac_address: `52:54:00:00:00:0${id.at(-1)}` }],
  }) as unknown as Machine;

/** A region of ten machines, and reads of it with a clock of the test's own. */
function region() {
  const machines = new Map(Array.from({ length: 10 }, (_, index) => [`m${index}`, machine(`m${index}`)]));
  const { fetch, seen } = fakeFetch((request) => {
    const { pathname, searchParams: query } = new URL(request.path, "http://maas.test");
    const path = pathname.slice(1);
    if (path === "events/") {
      return { json: { events: query.has("after") ? [{ id: 7, type: "Node powered on", description: "", node: "m3" }] : [{ id: 5 }] } };
    }
    const single = /^machines\/(\w+)\/$/.exec(path);
    if (single) {
      const found = machines.get(single[1]);
      return found ? { json: found } : { status: 404, text: "Not Found" };
    }
    const [ids, macs] = [query.getAll("id"), query.getAll("mac_address")];
    return {
      json: [...machines.values()].filter(
        (each) => ids.includes(each.system_id) || macs.some((mac) => each.interface_set.some(({ mac_address }) => mac_address === mac)),
      ),
    };
  });
  const clock = new FakeClock();
  const client = new MaasClient({ url: "http://maas.test/MAAS", apiKey: "a:b:c", fetch, clock });
  return { reads: new RegionReads(client, clock), machines, seen, clock };
}

describe("reads that steps on one region share", () => {
  it("look at ten waiting machines with one request, and at one by its own address", async () => {
    const { reads, seen } = region();
    const looks = await Promise.all(Array.from({ length: 10 }, (_, index) => reads.next(`m${index}`, 0)));
    expect(looks.map(({ machine: { system_id } }) => system_id)).toEqual(Array.from({ length: 10 }, (_, index) => `m${index}`));
    expect(seen.map(({ path }) => path.replace(/\?.*/, ""))).toEqual(["machines/", "events/"]);
    await reads.next("m3", 0);
    expect(seen.at(-1)?.path).toBe("machines/m3/");
  });

  it("give each machine its own events, and none of the time before", async () => {
    const { reads, clock } = region();
    expect((await reads.next("m3", 0)).events).toEqual([]);
    clock.sleep(15_000);
    const [three, four] = await Promise.all([reads.next("m3", 15_000), reads.next("m4", 15_000)]);
    expect([three.events.map(({ id }) => id), four.events]).toEqual([[7], []]);
  });

  it("see a change within three seconds while anything changes, and ask under ten times a minute while nothing does", async () => {
    const { reads, clock, seen } = region();
    const started = clock.now();
    while (clock.now() - started < 60_000) {
      const before = clock.now();
      await reads.next("m1", before - started);
      expect(clock.now() - before).toBeLessThanOrEqual(3000);
    }
    await reads.next("m1", clock.now() - started);
    const [from, requests] = [clock.now(), seen.length];
    while (clock.now() - from < 600_000) {
      await Promise.all(["m1", "m2"].map((id) => reads.next(id, clock.now() - started)));
    }
    // m2 is new to the wait for its first minute.
    expect(((seen.length - requests) * 60_000) / (clock.now() - from)).toBeLessThan(11.5);
  });

  it("gather lookups by MAC address that come together", async () => {
    const { reads, seen } = region();
    const found = await Promise.all([
      reads.byMac(["52:54:00:00:00:01"]),
      reads.byMac(["52:54:00:00:00:02", "52:54:00:00:00:ff"]),
      reads.byMac(["x"]),
    ]);
    expect(found.map((machines) => machines.map(({ system_id }) => system_id))).toEqual([["m1"], ["m2"], []]);
    expect(seen).toHaveLength(1);
  });

  it("ask once for what does not change, and again after a failure", async () => {
    const { reads } = region();
    let asked = 0;
    const read = async () => {
      asked++;
      if (asked === 1) {
        throw new Error("not now");
      }
      return asked;
    };
    await expect(reads.once("types", read)).rejects.toThrow("not now");
    expect([await reads.once("types", read), await reads.once("types", read), asked]).toEqual([2, 2, 2]);
  });

  it("ask at most every three seconds for what others may change", async () => {
    const { reads, clock } = region();
    let asked = 0;
    const ask = () => reads.recent("subnets", async () => ++asked);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    await clock.sleep(2000);
    expect(await ask()).toBe(1);
    await clock.sleep(1000);
    expect(await Promise.all([ask(), ask()])).toEqual([2, 2]);
  });

  it("tell every waiting step of a failure", async () => {
    const { reads, machines } = region();
    machines.clear();
    const looks = await Promise.allSettled(["m1", "m2"].map((id) => reads.next(id, 0)));
    expect(looks.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

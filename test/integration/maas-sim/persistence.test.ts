/** The region's state on disk: what was answered is there after the process is gone. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createMaas } from "../../../rig/maas";
import { TimedHardware } from "../../../rig/maas/timed-hardware";
import { Server, temporaryDirectory } from "./server";

describe("state on disk", () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory.remove());

  it("holds every answered change, before the answer is sent", async () => {
    const server = await Server.start({}, { stateDirectory: directory.path });
    await server.call("POST", "zones/", { name: "attic" });
    const saved = JSON.parse(await readFile(join(directory.path, "region.json"), "utf8"));
    expect(saved.tables.zones.map((row: { name: string }) => row.name)).toContain("attic");
    await server.stop();
  });

  it("is readable by its owner only: API keys are in it", async () => {
    const server = await Server.start({}, { stateDirectory: directory.path });
    expect((await stat(join(directory.path, "region.json"))).mode & 0o077).toBe(0);
    await server.stop();
  });

  it("keeps keys, machines and what runs across a restart", async () => {
    const slow = await Server.start({ durations: { commissioning: 3600 } }, { stateDirectory: directory.path });
    const key = slow.maas.adminApiKey();
    const { system_id: id } = await slow.enlist("n1");
    // No orderly end: the second region reads what the first one wrote.
    const next = await Server.start({}, { stateDirectory: directory.path });
    expect(next.maas.adminApiKey()).toBe(key);
    await next.until(id, "Ready");
    await next.stop();
    await slow.stop();
  });

  it("of another version is refused, not overwritten", async () => {
    const server = await Server.start({}, { stateDirectory: directory.path });
    await server.stop();
    const file = join(directory.path, "region.json");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), format: 99 }));
    expect(() => createMaas({ hardware: new TimedHardware(), stateDirectory: directory.path })).toThrow(/state of another version \(99\)/);
  });
});

import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { keptOptions } from "../../../cli/engine/simulator-process";

describe("an embedded lab that has died", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-options-"));
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it("is started again with the network that it was started with, by whoever knows none", async () => {
    const file = path.join(folder, "options.json");
    expect(await keptOptions(file, [])).toEqual([]);
    await keptOptions(file, ["--subnet", "10.10.10.0/24"]);
    expect(await keptOptions(file, [])).toEqual(["--subnet", "10.10.10.0/24"]);
    await keptOptions(file, ["--subnet", "10.1.0.0/16"]);
    expect(await keptOptions(file, [])).toEqual(["--subnet", "10.1.0.0/16"]);
  });
});

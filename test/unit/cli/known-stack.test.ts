import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";

describe("a stack that was never initialised", () => {
  let folder: string;
  const before = { ...process.env };

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-known-"));
    process.env.LAB_STATE = path.join(folder, "state");
    delete process.env.LAB_BACKEND_URL;
    jest.resetModules();
  });
  afterEach(async () => {
    process.env = { ...before };
    jest.resetModules();
    await fs.rm(folder, { recursive: true });
  });

  const requireStack = (stack: string, engine = "/bin/false") => {
    const module = require("../../../cli/engine/known-stack") as typeof import("../../../cli/engine/known-stack");
    return module.requireStack({ engine, environment: {} }, stack);
  };

  it("is refused with the command that initialises it", async () => {
    await expect(requireStack("attic")).rejects.toThrow(/attic is not initialised[\s\S]*fix: +run '.\/lab pulumi stack init attic'/);
    await expect(requireStack("sim")).resolves.toBeUndefined();
    const stacks = path.join(folder, "state", "state", ".pulumi", "stacks", "homelab");
    await fs.mkdir(stacks, { recursive: true });
    await fs.writeFile(path.join(stacks, "attic.json"), "{}");
    await expect(requireStack("attic")).resolves.toBeUndefined();
  });

  it("is told from a backend that does not answer", async () => {
    process.env.LAB_BACKEND_URL = "s3://nowhere";
    const engine = path.join(folder, "engine");
    await fs.writeFile(engine, "#!/bin/sh\necho 'error: no such bucket' >&2; exit 255\n", { mode: 0o755 });
    await expect(requireStack("attic", engine)).rejects.toThrow(/cannot be read[\s\S]*no such bucket[\s\S]*fix:/);
    await fs.writeFile(engine, '#!/bin/sh\necho \'[{"name": "us/attic"}]\'\n', { mode: 0o755 });
    await expect(requireStack("attic", engine)).resolves.toBeUndefined();
  });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const mode = (file: string) => (fs.statSync(file).mode & 0o777).toString(8);

describe("files of a lab that hold secrets", () => {
  let folder: string;
  const before = { umask: process.umask(), state: process.env.LAB_STATE };
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-private-"));
    process.env.LAB_STATE = folder;
    process.umask(0);
    jest.resetModules();
  });
  afterEach(() => {
    process.umask(before.umask);
    if (before.state === undefined) {
      delete process.env.LAB_STATE;
    } else {
      process.env.LAB_STATE = before.state;
    }
    fs.rmSync(folder, { recursive: true });
  });

  it("are their owner's only: the state's folder, its passphrase", async () => {
    const { ensureBackend } = require("../../../cli/engine/backend") as typeof import("../../../cli/engine/backend");
    const state = path.join(folder, "state");
    // As an earlier release left it.
    fs.mkdirSync(state, { mode: 0o755 });
    await ensureBackend();
    expect([mode(state), mode(path.join(folder, "passphrase"))]).toEqual(["700", "600"]);
  });

  it("are their owner's only: logs of commands", async () => {
    const { run } = require("../../../cli/engine/process") as typeof import("../../../cli/engine/process");
    const log = path.join(folder, "logs", "echo.log");
    await run("echo", ["hush"], { log });
    expect([mode(path.dirname(log)), mode(log)]).toEqual(["700", "600"]);
  });
});

import { spawnSync } from "node:child_process";
import * as path from "node:path";

const checkout = path.resolve(__dirname, "../../..");

describe("the start page's program", () => {
  it("passes the type check of browsers, which the rest of the checkout has no types of", () => {
    const tsc = require.resolve("typescript/bin/tsc", { paths: [checkout] });
    const { stdout, status } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", "components/start-page/app"], {
      cwd: checkout,
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([0, ""]);
  }, 120_000);
});

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

it("are written by nothing that lab starts, for it holds secrets", () => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-core-"));
  try {
    fs.writeFileSync(
      path.join(folder, "node"),
      '#!/bin/sh\ncase "$1" in --version) echo v99.0.0 ;; *) ulimit -S -c; ulimit -H -c ;; esac\n',
      { mode: 0o755 },
    );
    const lab = path.resolve(__dirname, "../../../lab");
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const limits = execFileSync("bash", ["-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$0" status', lab], { env }).toString();
    expect(limits).toBe("0\n0\n");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

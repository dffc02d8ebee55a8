import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { makePreview } from "../../../cli/report/make-preview";

/** An engine that leaves a kubeconfig in its temporary folder, as the Kubernetes provider does, and says where. */
function leavingEngine(folder: string, exit: number): string {
  const engine = path.join(folder, "pulumi");
  fs.writeFileSync(
    engine,
    `#!/bin/sh\necho "client-key-data: secret" >"$TMPDIR/kubeconfig1"\nstat -c '%a %n' "$TMPDIR" >"${folder}/seen"\necho '{"steps":[]}'\nexit ${exit}\n`,
    { mode: 0o755 },
  );
  return engine;
}

it.each([0, 1])("what the engine leaves in its temporary folder goes when it has ended with %d", async (exit) => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-temporary-"));
  try {
    const lab = { stack: "sim", engine: leavingEngine(folder, exit), environment: {} } as unknown as Parameters<typeof makePreview>[0];
    await makePreview(lab).catch((error: Error) => expect(error.message).toContain("The preview failed"));
    const [mode, used] = fs.readFileSync(path.join(folder, "seen"), "utf8").trim().split(" ");
    expect(mode).toBe("700");
    expect(used).not.toBe(tmpdir());
    expect(fs.existsSync(used)).toBe(false);
    expect(execFileSync("ls", [tmpdir()], { encoding: "utf8" })).not.toContain(path.basename(used));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { keepsOwners } from "../../../rig/machines/root-file-system";

it("the machines' root file system is not used when its programs have another owner, or have lost their rights", async () => {
  const root = await fs.mkdtemp(path.join(tmpdir(), "homelab-root-"));
  const sudo = path.join(root, "usr", "bin", "sudo");
  try {
    expect(await keepsOwners(root)).toBe(false);
    await fs.mkdir(path.dirname(sudo), { recursive: true });
    await fs.writeFile(sudo, "");
    await fs.chmod(sudo, 0o4755);
    expect(await keepsOwners(root)).toBe(process.getuid?.() === 0);
    await fs.chmod(sudo, 0o755);
    expect(await keepsOwners(root)).toBe(false);
    await fs.chown(sudo, 4711, 4711);
    await fs.chmod(sudo, 0o4755);
    expect(await keepsOwners(root)).toBe(false);
  } finally {
    await fs.rm(root, { recursive: true });
  }
});

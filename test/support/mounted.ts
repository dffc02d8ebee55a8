import { mkdir, mkdtemp, rename, symlink, writeFile } from "node:fs/promises";
import * as path from "node:path";

/** A folder whose files change as kubelet changes those of a config map: all at once, by turning a link. */
export class Mounted {
  constructor(readonly folder: string) {}

  async write(files: Record<string, string>): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const version = await mkdtemp(path.join(this.folder, "..version-"));
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(version, name), content, { mode: 0o600 });
      await symlink(path.join("..data", name), path.join(this.folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") {
          throw error;
        }
      });
    }
    const turned = path.join(this.folder, "..data_tmp");
    await symlink(path.basename(version), turned);
    await rename(turned, path.join(this.folder, "..data"));
  }
}

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { backup, type FetchedBackup } from "../../components/k3s/operations/backup";
import { type Host, ssh } from "../../components/k3s/operations/shell";
import { stage } from "../engine/progress";

/** Backs the cluster up into a folder of this computer, as a file that is whole or absent. */
export async function keepBackup(title: string, hosts: readonly Host[], folder: string): Promise<{ made: FetchedBackup; file: string }> {
  const made = await stage(title, (report) => backup(ssh, hosts, report));
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `${made.name}.tar.gz`);
  await fs.writeFile(`${file}.partial`, made.archive, { mode: 0o600 });
  await fs.rename(`${file}.partial`, file);
  return { made, file };
}

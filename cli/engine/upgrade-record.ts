import * as fs from "node:fs/promises";
import * as path from "node:path";
import { paths } from "../paths";
import { writePrivately } from "./backend";

/** An upgrade of k3s, and the way back: kept on this computer until it is undone or another one begins. */
export interface UpgradeRecord {
  from: string;
  to: string;
  /** The backup taken just before; none where the datastore is outside of the cluster. */
  archive?: string;
  /** Where volumes lay then, as `volume on node`: the backup knows no other places. */
  volumes: string[];
  /** When it began, in ISO format. */
  began: string;
  /** Whether it came to its end. */
  ended: boolean;
}

const fileOf = (stack: string) => path.join(paths.state, "upgrades", `${stack}.json`);

export async function readUpgrade(stack: string): Promise<UpgradeRecord | undefined> {
  const text = await fs.readFile(fileOf(stack), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as UpgradeRecord);
}

export async function noteUpgrade(stack: string, record: UpgradeRecord): Promise<void> {
  await fs.mkdir(path.dirname(fileOf(stack)), { recursive: true, mode: 0o700 });
  await writePrivately(fileOf(stack), `${JSON.stringify(record, null, 2)}\n`);
}

export async function forgetUpgrade(stack: string): Promise<void> {
  await fs.rm(fileOf(stack), { force: true });
}

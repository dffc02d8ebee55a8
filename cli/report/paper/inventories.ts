import * as fs from "node:fs/promises";
import * as path from "node:path";
import { inventoryFiles } from "../../../settings/inventory";
import { type Cause, causesOfMachines } from "../causes";
import type { Revision } from "./compare";

/** The files of a revision's inventory, by their names in the repository. */
async function textsOf({ folder, config }: Revision): Promise<Map<string, string>> {
  const given = config["homelab:inventory"];
  const files = typeof given === "string" && given !== "" ? inventoryFiles(given, folder) : [];
  return new Map(await Promise.all(files.map(async (file) => [path.relative(folder, file), await fs.readFile(file, "utf8")] as const)));
}

/** The settings of machines that the inventories of two revisions have unlike. */
export async function inventoryCauses(before: Revision, after: Revision): Promise<Cause[]> {
  const [old, now] = await Promise.all([before, after].map(textsOf));
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((name) => causesOfMachines(old.get(name) ?? "", now.get(name) ?? "", name));
}

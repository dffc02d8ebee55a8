import * as fs from "node:fs/promises";

/** Writes a file so that a reader, or a restart after a kill, sees the old content or the new one, never half of it. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  const partial = `${file}.partial`;
  await fs.writeFile(partial, content, { mode: 0o600 });
  await fs.rename(partial, file);
}

/** What a file holds as JSON; undefined where it is missing, half written (a full disk, a power cut) or no object. */
export async function readJson<T extends object>(file: string): Promise<T | undefined> {
  try {
    const value: unknown = JSON.parse(await fs.readFile(file, "utf8"));
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

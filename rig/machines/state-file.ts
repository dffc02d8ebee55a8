import * as fs from "node:fs/promises";

/** Writes a file so that a reader, or a restart after a kill, sees the old content or the new one, never half of it. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  const partial = `${file}.partial`;
  await fs.writeFile(partial, content, { mode: 0o600 });
  await fs.rename(partial, file);
}

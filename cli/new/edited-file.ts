import * as fs from "node:fs/promises";

/** Writes the edited stack file, runs `work`, and puts the old text back where that says no or fails before anything was touched. */
export async function withEdited(file: string, text: string, work: (keep: () => void) => Promise<void>): Promise<void> {
  const before = await fs.readFile(file, "utf8");
  let kept = false;
  await fs.writeFile(file, text);
  try {
    await work(() => {
      kept = true;
    });
  } finally {
    if (!kept) {
      await fs.writeFile(file, before);
    }
  }
}

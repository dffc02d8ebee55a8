import Table from "cli-table3";
import { type Command, InvalidArgumentError } from "commander";
import { type CacheEntry, cacheEntries, cacheRoot, pruneCache } from "../../rig";
import { say } from "../engine/progress";

const DAY = 24 * 3600 * 1000;

function days(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError("must be a whole number of days");
  }
  return Number(text);
}

const size = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const total = (entries: readonly CacheEntry[]) => size(entries.reduce((sum, { bytes }) => sum + bytes, 0));

/** A line for each kind of thing: how many versions, how large, when last used. */
function table(entries: readonly CacheEntry[]): string {
  const rows = new Table({ head: ["what", "versions", "size", "last used"], style: { head: [], border: [] } });
  for (const artefact of new Set(entries.map((entry) => entry.artefact))) {
    const own = entries.filter((entry) => entry.artefact === artefact);
    const lastUsed = own[own.length - 1].lastUsed.toISOString().slice(0, 16).replace("T", " ");
    rows.push([artefact, own.length, total(own), lastUsed]);
  }
  return rows.toString();
}

export function register(program: Command): void {
  program
    .command("cache")
    .description("say what the lab keeps for the next run on this computer, and remove what no version uses any more")
    .option("--prune", "remove what has not been used for some days, and what killed builds left")
    .option("--unused-for <days>", "how long something must have been unused to be removed; 0 removes all that no machine runs on", days, 1)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\n'lab up' uses all that its version needs, so that what is left unused belongs to other versions. What was not used for two\nweeks goes by itself when a newer one of its kind is made. Go's own cache is Go's: 'go clean -cache' empties it.",
    )
    .action(async (options: { prune?: boolean; unusedFor: number; json?: boolean }) => {
      const gone = options.prune ? await pruneCache({ unusedSince: new Date(Date.now() - options.unusedFor * DAY) }) : [];
      const entries = await cacheEntries();
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ folder: cacheRoot(), entries, removed: gone }, undefined, 2)}\n`);
        return;
      }
      for (const { artefact, bytes } of gone) {
        say(`removed ${artefact}, ${size(bytes)}`);
      }
      process.stdout.write(`${cacheRoot()}\n${table(entries)}\n${entries.length} entries, ${total(entries)}\n`);
    });
}

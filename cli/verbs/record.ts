import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { openLab } from "../engine/open-lab";
import { stage } from "../engine/progress";
import { simStack } from "../engine/stack";
import { recordStack } from "../report/paper/record";
import { readRecording, writeRecording } from "../report/paper/recording";
import { pushRecording } from "../report/paper/store";

interface Options {
  stack: string;
  output?: string;
  push?: string;
  from?: string;
}

export function register(program: Command): void {
  program
    .command("record")
    .description("record a stack without its secrets, for reports that cannot reach it ('lab review', 'lab report --from')")
    .option("--stack <name>", "stack to record", simStack)
    .option("--output <file>", "write the recording to this file")
    .option("--from <file>", "take this recording instead of making one, to push it")
    .option("--push <remote>", "put the recording into this git remote, where 'lab review' looks for it")
    .addHelpText(
      "after",
      "\nThe recording holds the stack's state with a placeholder for each secret. It still shows names, addresses and settings.",
    )
    .action(async ({ stack, output, push, from }: Options) => {
      if (output === undefined && push === undefined) {
        throw new UserError({
          path: "--output",
          message: "nowhere to put the recording",
          fix: "give --output FILE, --push REMOTE, or both",
        });
      }
      const made = async () => {
        const lab = await openLab(stack, { installs: false });
        return stage("Recording", () => recordStack(lab));
      };
      const recording = from === undefined ? await made() : await readRecording(from);
      const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-record-"));
      try {
        const file = output ?? path.join(folder, "recording");
        await writeRecording(file, recording);
        if (push !== undefined) {
          await stage(`Pushing it to ${push}`, () => pushRecording(file, recording.stack, push));
        }
      } finally {
        await fs.rm(folder, { recursive: true, force: true });
      }
      process.stdout.write(`${recording.stack}: ${recording.resources.length} resources recorded\n`);
    });
}

import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { mergeKubeconfig } from "../live/kubeconfig";
import { stackHasNo, stackOutputs } from "../live/lab-facts";

interface Options {
  stack: string;
  file: string;
  print?: boolean;
  use?: boolean;
}

export function register(program: Command): void {
  program
    .command("kubeconfig")
    .description("add the lab's cluster to your own kubeconfig")
    .option("--stack <name>", "stack whose cluster to add", simStack)
    .addOption(
      new Option("--file <file>", "kubeconfig to merge into").default(
        process.env.KUBECONFIG?.split(":")[0] || path.join(homedir(), ".kube", "config"),
        "the first of $KUBECONFIG, or ~/.kube/config",
      ),
    )
    .option("--use", "also make it the current context")
    .option("--print", "print the lab's kubeconfig (it holds a private key) and write nothing")
    .addHelpText(
      "after",
      "\nOther clusters, users and contexts in the file are left as they are; the file as it was is kept beside it as FILE.before-lab.",
    )
    .action(async (options: Options) => {
      const { kubeconfig } = await stackOutputs(await knownStack(options.stack));
      if (!kubeconfig) {
        throw stackHasNo("cluster", options.stack);
      }
      if (options.print) {
        process.stdout.write(kubeconfig);
        return;
      }
      const name = `homelab-${options.stack}`;
      const existing = await fs.readFile(options.file, "utf8").catch(() => "");
      const merged = mergeKubeconfig(existing, kubeconfig, name, { use: options.use ?? false, file: options.file });
      if (merged === existing) {
        say(`${options.file} has the context ${name} already`);
        return;
      }
      await fs.mkdir(path.dirname(options.file), { recursive: true, mode: 0o700 });
      if (existing !== "") {
        await fs.writeFile(`${options.file}.before-lab`, existing, { mode: 0o600 });
      }
      const partial = `${options.file}.partial`;
      await fs.writeFile(partial, merged, { mode: 0o600 });
      await fs.rename(partial, options.file);
      say(`added the context ${name} to ${options.file}: kubectl --context ${name} get nodes`);
    });
}

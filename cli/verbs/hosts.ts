import type { Command } from "commander";
import { knownStack } from "../engine/known-stack";
import { simStack } from "../engine/stack";
import { noIngress, stackOutputs } from "../live/lab-facts";

export function register(program: Command): void {
  program
    .command("hosts")
    .description("print lines for /etc/hosts, for computers that do not ask the lab's DNS")
    .option("--stack <name>", "stack whose names to print", simStack)
    .addHelpText("after", "\nWith a router that forwards the domain to MAAS they are not needed: see docs/how-to/open-the-pages.md.")
    .action(async (options: { stack: string }) => {
      const outputs = await stackOutputs(await knownStack(options.stack));
      const { ingress } = outputs;
      if (!ingress) {
        throw noIngress(options.stack, outputs);
      }
      process.stdout.write(`${ingress.address} ${ingress.names.join(" ")}\n`);
    });
}

import * as fs from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { UserError } from "../../components/core/user-error";
import { say } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import { type Ask, type Given, stackFrom } from "../new/answers";
import { checkName, type NewStack, nextCommands, schemaFrom, stackFileText } from "../new/new-stack";
import { checkout, settingsFile } from "../paths";

async function asked(stack: string, options: Given): Promise<NewStack> {
  if (!process.stdin.isTTY) {
    return stackFrom(stack, options, undefined);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ask: Ask = async (question, otherwise) => {
    for (;;) {
      const answer = (await terminal.question(`${question}${otherwise ? ` [${otherwise}]` : ""}: `)).trim();
      if (answer !== "" || otherwise !== undefined) {
        return answer || (otherwise ?? "");
      }
    }
  };
  try {
    return await stackFrom(stack, options, ask);
  } finally {
    terminal.close();
  }
}

export function register(program: Command): void {
  program
    .command("new")
    .description("write the settings file of a new stack; asks on a terminal for what you leave out")
    .argument("<stack>", "name of the stack, for example attic")
    .addOption(new Option("--environment <environment>", "how it gets its machines").choices(["physical", "vm", "sim"]).default("physical"))
    .option("--maas-url <url>", "address of MAAS with its path, for example http://192.168.1.5:5240/MAAS")
    .option("--subnet <cidr>", "network of the machines, for example 192.168.1.0/24")
    .option("--gateway <address>", "router on that network; the first address unless you say otherwise")
    .option("--dhcp", "let MAAS serve DHCP there")
    .option("--machine <machine...>", "NAME=MAC[@ADDRESS][,POWER[=BMC-ADDRESS]], once for each machine; the first is the server")
    .option("--user <name>", "first user of the task server", "alice")
    .addHelpText(
      "after",
      [
        "",
        "Machines without an address get the next free one from the 11th on; without POWER they are switched on by you (manual).",
        "Example: ./lab new attic --maas-url http://192.168.1.5:5240/MAAS --subnet 192.168.1.0/24 --machine node1=54:b2:03:aa:bb:01,amt=192.168.1.21",
        "An existing file is never overwritten. './lab discover' proposes settings for machines that a MAAS knows already.",
      ].join("\n"),
    )
    .action(async (stack: string, options: Given) => {
      const file = settingsFile(checkName(stack));
      const text = stackFileText(await asked(stack, options), schemaFrom(checkout, file));
      await fs.writeFile(file, text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EEXIST"
          ? new UserError({ path: file, message: "this file exists already", fix: "edit it, or choose another name" })
          : error;
      });
      try {
        await checkStackFile(stack);
      } catch (error) {
        await fs.rm(file);
        throw error;
      }
      say(
        `Wrote ${file}. Next:\n\n${nextCommands(stack)
          .map((command) => `    ${command}`)
          .join("\n")}`,
      );
    });
}

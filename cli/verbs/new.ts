import * as fs from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { UserError } from "../../components/core/user-error";
import { say } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import type { MachineDraft } from "../new/discovery";
import { checkName, type NewStack, schemaFrom, stackFileText } from "../new/new-stack";
import { checkout, settingsFile } from "../paths";

interface Options {
  environment: NewStack["environment"];
  maasUrl?: string;
  subnet?: string;
  machine?: string[];
  user: string;
}

/** `node1=52:54:00:00:00:01`, by the order given; the first is the server. */
export function machineOf(text: string, index: number): MachineDraft {
  const [, name, mac] = /^([a-z0-9-]+)=([0-9a-fA-F:]{17})$/.exec(text) ?? [];
  if (!name || !mac) {
    throw new UserError({
      path: "--machine",
      message: "not a machine",
      found: text,
      allowed: "NAME=MAC, such as node1=54:b2:03:00:00:01",
      fix: "write it in that form; give the option once for each machine",
    });
  }
  return { index, name, role: index === 0 ? "server" : "agent", macAddresses: [mac.toLowerCase()], power: { type: "manual" } };
}

async function asked(stack: string, options: Options): Promise<NewStack> {
  const terminal = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stderr }) : undefined;
  const ask = async (given: string | undefined, question: string, otherwise: string): Promise<string> =>
    given ?? ((await terminal?.question(`${question} [${otherwise}]: `))?.trim() || otherwise);
  try {
    const maasUrl = await ask(options.maasUrl, "Address of MAAS", "http://192.168.200.2:5240/MAAS");
    const subnet = await ask(options.subnet, "Subnet of the machines", "192.168.200.0/24");
    const listed =
      options.machine ?? (await ask(undefined, "Machines, NAME=MAC with spaces between", "node1=54:b2:03:00:00:01")).split(/\s+/);
    // A subnet that is none is refused with everything else, when the file is checked.
    const bytes = subnet.split("/")[0].split(".");
    const gateway = [...bytes.slice(0, 3), Number(bytes[3]) + 1].join(".");
    return { name: stack, environment: options.environment, maasUrl, subnet, gateway, machines: listed.map(machineOf), user: options.user };
  } finally {
    terminal?.close();
  }
}

export function register(program: Command): void {
  program
    .command("new")
    .description("write the settings file of a new stack, with comments; asks on a terminal for what is not given")
    .argument("<stack>", "name of the stack, for example attic")
    .addOption(new Option("--environment <environment>", "how it gets its machines").choices(["physical", "vm", "sim"]).default("physical"))
    .option("--maas-url <url>", "address of MAAS with its path")
    .option("--subnet <cidr>", "subnet that the machines share")
    .option("--machine <name=mac...>", "a machine by name and the MAC address that it boots from; the first is the server")
    .option("--user <name>", "first user of the task server", "alice")
    .addHelpText("after", "\nNothing that exists is overwritten. './lab discover' proposes machines that a MAAS has already.")
    .action(async (stack: string, options: Options) => {
      const file = settingsFile(checkName(stack));
      const text = stackFileText(await asked(stack, options), schemaFrom(checkout, file));
      await fs.writeFile(file, text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EEXIST"
          ? new UserError({ path: file, message: "is there already", fix: "edit it, or choose another name" })
          : error;
      });
      try {
        await checkStackFile(stack);
      } catch (error) {
        await fs.rm(file);
        throw error;
      }
      say(`${file} is written and valid. Its first lines say what comes next.`);
    });
}

import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { MaasClient } from "../../components/maas/api/client";
import { knownStack } from "../engine/known-stack";
import { simStack } from "../engine/stack";
import { maasOf } from "../live/lab-facts";
import { type Discovery, discover } from "../new/discovery";
import { machineLines } from "../new/new-stack";

interface Options {
  stack: string;
  url?: string;
  keyFile?: string;
  json?: boolean;
}

async function clientOf(options: Options): Promise<MaasClient> {
  if (options.url === undefined) {
    return maasOf(await knownStack(options.stack));
  }
  const apiKey = options.keyFile ? (await fs.readFile(options.keyFile, "utf8")).trim() : process.env.MAAS_API_KEY;
  if (!apiKey) {
    throw new UserError({
      path: "--key-file",
      message: "no API key for that MAAS",
      allowed: "a file with consumer:token:secret, or the variable MAAS_API_KEY",
      fix: "sudo maas apikey --username NAME > maas.key; never give the key as an argument",
    });
  }
  return new MaasClient({ url: options.url, apiKey, patience: 5_000 });
}

/** The proposal as a part of a stack file. */
export function renderDiscovery({ subnets, machines, remarks }: Discovery): string {
  const subnet = subnets.find(({ managed }) => managed) ?? subnets[0];
  return [
    ...remarks.map((remark) => `# ${remark}`),
    ...(subnet
      ? [
          "  homelab:network:",
          ...(subnets.length > 1
            ? [
                `    # MAAS also has ${subnets
                  .filter((other) => other !== subnet)
                  .map(({ cidr }) => cidr)
                  .join(", ")}.`,
              ]
            : []),
          `    subnet: ${subnet.cidr}`,
          ...(subnet.gateway ? [`    gateway: ${subnet.gateway}`] : []),
        ]
      : []),
    ...(machines.length > 0 ? ["  homelab:machines:", ...machines.flatMap(machineLines).map((line) => `    ${line}`)] : []),
    "",
  ].join("\n");
}

export function register(program: Command): void {
  program
    .command("discover")
    .description("read a MAAS, and propose settings for the machines that it has")
    .option("--stack <name>", "stack whose MAAS is read", simStack)
    .option("--url <url>", "a MAAS that no stack has yet, for example http://10.10.10.2:5240/MAAS")
    .option("--key-file <file>", "file with its API key; MAAS_API_KEY otherwise")
    .option("--json", "print JSON instead of a part of a stack file")
    .addHelpText("after", "\nReads only. Passwords of BMCs are not shown; it says where to set them.")
    .action(async (options: Options) => {
      const discovery = await discover(await clientOf(options));
      process.stdout.write(options.json ? `${JSON.stringify(discovery, undefined, 2)}\n` : renderDiscovery(discovery));
    });
}

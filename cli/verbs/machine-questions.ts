import * as readline from "node:readline/promises";
import { nearest, UserError } from "../../components/core/user-error";
import type { MaasClient } from "../../components/maas/api/client";
import type { Machine } from "../../components/maas/api/types";
import { say } from "../engine/progress";
import { maasOf, type Stack, stackHasNo, stackOutputs } from "../live/lab-facts";

/** Of every `lab machine` that changes something. */
export interface MachineOptions {
  stack: string;
  yes?: boolean;
}

/** A client of the stack's MAAS, for a machine that the stack has. */
export async function clientFor(stack: Stack, name: string): Promise<MaasClient> {
  const outputs = await stackOutputs(stack);
  const names = Object.keys(outputs.machines ?? {});
  if (names.length === 0) {
    throw stackHasNo("machines", stack.stack);
  }
  if (!names.includes(name)) {
    const near = nearest(name, names);
    throw new UserError({
      path: "machine",
      message: "is not one of the stack's machines",
      found: name,
      allowed: names.join(", "),
      fix: near ? `did you mean ${near}?` : "name one of these",
    });
  }
  return await maasOf(stack, outputs);
}

/** As MAAS has it now; undefined where it has none of that name. */
export async function machineInMaas(client: MaasClient, name: string): Promise<Machine | undefined> {
  return (await client.get<Machine[]>("machines/", { hostname: name }))[0];
}

/** The machine of that name in the stack, as MAAS has it now. */
export async function machineNamed(stack: Stack, name: string): Promise<{ client: MaasClient; machine: Machine }> {
  const client = await clientFor(stack, name);
  const machine = await machineInMaas(client, name);
  if (!machine) {
    throw new UserError({ path: "machine", message: "MAAS has no machine of that name any more", found: name, fix: "run './lab up'" });
  }
  return { client, machine };
}

/** Says what will happen; where it interrupts somebody, waits for a yes. */
export async function agreed(name: string, does: string, asks: boolean, { yes }: MachineOptions): Promise<boolean> {
  say(`${name}: ${does}.`);
  if (!asks || yes) {
    return true;
  }
  if (!process.stdin.isTTY) {
    throw new UserError({ path: "--yes", message: "is needed where nobody can be asked", fix: "add --yes when that is what you want" });
  }
  const prompt = readline.createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`Go on? Type yes: `);
  prompt.close();
  return answer.trim() === "yes";
}

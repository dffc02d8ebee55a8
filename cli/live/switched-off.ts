import { simStack } from "../engine/stack";
import { type MachineFacts, machineFacts, type Stack, stackOutputs } from "./lab-facts";

/** A line for each deployed machine that MAAS does not take for running: SSH says of such a one only that there is no route to it. */
export function renderSwitchedOff(machines: readonly MachineFacts[], stack: string): string {
  return machines
    .filter(({ state, power }) => state === "Deployed" && power !== "on")
    .map(({ name, power }) => {
      const command = `./lab machine on ${name}${stack === simStack ? "" : ` --stack ${stack}`}`;
      return power === "off"
        ? `MAAS says that ${name} is off. Switch it on: ${command}\n`
        : `MAAS cannot tell whether ${name} is on. Look at its power settings, or switch it on: ${command}\n`;
    })
    .join("");
}

/** The same of a stack that did not come up; nothing where MAAS cannot be asked. */
export async function switchedOff(stack: Stack): Promise<string> {
  try {
    return renderSwitchedOff(await machineFacts(stack, await stackOutputs(stack)), stack.stack);
  } catch {
    return "";
  }
}

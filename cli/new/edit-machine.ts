import { isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";
import { UserError } from "../../components/core/user-error";

/** What is other about a machine that takes an old one's place. */
export interface OtherHardware {
  macAddresses: readonly string[];
  /** Power parameters by name. */
  power: Readonly<Record<string, string>>;
}

interface Edit {
  from: number;
  to: number;
  text: string;
}

/** Where a value stands in its file, without the line break and comment after it: a list in lines ends with its last item. */
function placeOf(node: Node): { from: number; to: number } {
  const [from, to] = node.range as [number, number, number];
  const last = isSeq(node) && !node.flow ? (node.items.at(-1) as Node | undefined) : undefined;
  return { from, to: last ? placeOf(last).to : to };
}

/**
 * A stack file's text with other hardware for one of its machines; all else stays as it is written, comments too.
 *
 * @param file for messages
 * @throws UserError where the file has no such machine, or lacks what is to be replaced
 */
export function withOtherHardware(text: string, file: string, name: string, { macAddresses, power }: OtherHardware): string {
  const machines = parseDocument(text, { logLevel: "silent" }).getIn(["config", "homelab:machines"]);
  const machine = isSeq(machines) ? machines.items.find((item) => isMap(item) && item.get("name") === name) : undefined;
  if (!isMap(machine)) {
    throw new UserError({
      path: file,
      message: `homelab:machines has no ${name}`,
      fix: "where it is in a file of homelab:inventory, change its macAddresses there; then run './lab up'",
    });
  }
  const edits: Edit[] = [];
  const cards = machine.get("macAddresses", true) as Node | undefined;
  if (!isSeq(cards)) {
    throw new UserError({
      path: `homelab:machines[${name}].macAddresses`,
      message: "is missing",
      fix: "a machine that MAAS composes is made anew by './lab machine redeploy'",
    });
  }
  edits.push({ ...placeOf(cards), text: `[${macAddresses.map((each) => JSON.stringify(each)).join(", ")}]` });
  for (const [parameter, value] of Object.entries(power)) {
    const known = machine.getIn(["power", "parameters", parameter], true);
    if (!isScalar(known)) {
      throw new UserError({
        path: `homelab:machines[${name}].power.parameters.${parameter}`,
        message: "is not in the stack file, or is a secret there",
        fix: "set it there first, a secret with './lab pulumi config set --path --secret'",
      });
    }
    edits.push({ ...placeOf(known), text: JSON.stringify(value) });
  }
  return edits.sort((a, b) => b.from - a.from).reduce((left, { from, to, text: now }) => left.slice(0, from) + now + left.slice(to), text);
}

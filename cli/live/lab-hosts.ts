import type { Host } from "../../components/k3s/operations/shell";
import { type Stack, type StackOutputs, stackHasNo, stackOutputs } from "./lab-facts";

/** The stack's machines as SSH reaches them; the outputs they were read from come along. Throws `UserError` while there are none. */
export async function labHosts(stack: Stack): Promise<{ hosts: Host[]; outputs: StackOutputs }> {
  const outputs = await stackOutputs(stack);
  const hosts = hostsOf(outputs);
  if (hosts.length === 0) {
    throw stackHasNo("machines", stack.stack);
  }
  return { hosts, outputs };
}

/** By the outputs `machines`, `sshKey` and `sshHostKeys` (`ADDRESS ssh-ed25519 AAAA…`). */
export function hostsOf({ machines = {}, sshKey = "", sshHostKeys = [] }: StackOutputs): Host[] {
  return Object.entries(machines).map(([name, { role, address, user, port }]) => {
    const line = sshHostKeys.find((each) => each.startsWith(`${address} `)) ?? "";
    return { name, role: role as Host["role"], address, user, port, privateKey: sshKey, hostKey: line.slice(address.length + 1) };
  });
}

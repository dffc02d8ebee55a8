import { run } from "./commands";

/**
 * Lets the lab's traffic through the firewall of this computer: from machines to the host (MAAS and mirror), and between machines
 * where the kernel passes bridged packets through the firewall (Docker drops what it does not know). Rules are added only to
 * chains that hold any or that drop by default, and name nothing but the lab's bridge.
 */
function rules(bridge: string): [chain: string, rule: string[]][] {
  return [
    ["INPUT", ["-i", bridge, "-j", "ACCEPT"]],
    ["FORWARD", ["-i", bridge, "-o", bridge, "-j", "ACCEPT"]],
  ];
}

/** Adds the rules where a firewall is in the way. A computer without iptables has none that could be opened this way. */
export async function openFirewall(bridge: string): Promise<void> {
  for (const [chain, rule] of rules(bridge)) {
    const listed = await run("iptables", ["-w", "-S", chain]).catch(() => undefined);
    if (listed !== undefined && isInTheWay(listed, chain) && !(await has(chain, rule))) {
      await run("iptables", ["-w", "-I", chain, ...rule]);
    }
  }
}

/** Removes the rules, however often they are there. */
export async function closeFirewall(bridge: string): Promise<void> {
  for (const [chain, rule] of rules(bridge)) {
    while (await has(chain, rule)) {
      await run("iptables", ["-w", "-D", chain, ...rule]);
    }
  }
}

/** What `iptables -S CHAIN` prints for a chain that lets everything pass is one line with its policy. */
export function isInTheWay(listed: string, chain: string): boolean {
  return listed.trim() !== `-P ${chain} ACCEPT`;
}

function has(chain: string, rule: readonly string[]): Promise<boolean> {
  return run("iptables", ["-w", "-C", chain, ...rule]).then(
    () => true,
    () => false,
  );
}

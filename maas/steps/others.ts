import type { Machine } from "../types";
import { Status } from "../types";
import type { Context } from "../wait";

/** Which of MAAS's machines are asked for. */
export interface OthersDesired {
  /** Host names of the stack's own machines, which are left out. */
  known: readonly string[];
  /** Only machines with this tag. */
  tag?: string;
}

export interface OtherMachine {
  name: string;
  address: string;
}

/** Machines that MAAS has deployed beside the stack's own, with their first IPv4 address. Only reads. */
export async function others({ client }: Context, { known, tag }: OthersDesired): Promise<OtherMachine[]> {
  const machines = await client.get<Machine[]>("machines/", tag ? { tags: [tag] } : {});
  return machines
    .filter(({ hostname, status }) => status === Status.Deployed && !known.includes(hostname))
    .flatMap(({ hostname, ip_addresses }) => {
      const address = ip_addresses.find((each) => !each.includes(":"));
      return address ? [{ name: hostname, address }] : [];
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

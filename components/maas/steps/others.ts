import type { Machine } from "../api/types";
import { Status } from "../api/types";
import { defineStep } from "./step";

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
export const othersStep = defineStep({
  name: "others",
  title: () => "other machines",
  run: async ({ client }, { known, tag }: OthersDesired): Promise<OtherMachine[]> => {
    // MAAS refuses to filter by a tag that there is not, which here only means that no machine has it.
    const machines = await client.get<Machine[]>("machines/");
    return machines
      .filter(({ hostname, status }) => status === Status.Deployed && !known.includes(hostname))
      .filter(({ tag_names }) => tag === undefined || tag_names.includes(tag))
      .flatMap(({ hostname, ip_addresses }) => {
        const address = ip_addresses.find((each) => !each.includes(":"));
        return address ? [{ name: hostname, address }] : [];
      })
      .sort((a, b) => a.name.localeCompare(b.name));
  },
  read: { notCompared: "it is a question, asked anew at each preview" },
});

import { findMachine, type Identity } from "../api/lookup";
import { StepError } from "../api/step-error";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";

/** A virtual machine as a VM host makes it. */
export interface Composition {
  cores: number;
  /** MiB. */
  memory: number;
  /** In MAAS's constraint notation, sizes in GB: `disk0:35(pool),disk1:10`. */
  storage: string;
  /** In MAAS's constraint notation: `eth0:subnet_cidr=10.10.10.0/24`. */
  interfaces?: string;
}

export interface VmHost {
  id: number;
  name: string;
  type: string;
}

/** Composes the machine; MAAS commissions it by itself afterwards. Found again by host and name. */
export async function compose(
  context: Context,
  desired: Identity & { zone?: string; pool?: string },
  parts: Composition,
): Promise<Machine> {
  const { client, log } = context;
  const host = await vmHostNamed(context, desired.vmHost as string);
  if (!host) {
    const names = (await client.get<VmHost[]>("vm-hosts/")).map((each) => each.name);
    throw new StepError(
      `${desired.name}: MAAS has no VM host ${desired.vmHost}; it has ${names.join(", ") || "none"}`,
      "add it under homelab:maas.vmHosts, or correct compose.host",
    );
  }
  log(`${desired.name}: composing ${parts.cores} cores, ${parts.memory} MiB on ${host.name}`);
  const form = { hostname: desired.name, cores: parts.cores, memory: parts.memory, storage: parts.storage, interfaces: parts.interfaces };
  const made = await client.post<{ system_id: string }>(`vm-hosts/${host.id}/`, "compose", form, {
    settled: () => findMachine(context, desired),
  });
  return client.get<Machine>(`machines/${made.system_id}/`);
}

export async function vmHostNamed({ client }: Pick<Context, "client">, name: string): Promise<VmHost | undefined> {
  return (await client.get<VmHost[]>("vm-hosts/")).find((each) => each.name === name);
}

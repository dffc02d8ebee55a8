import { Journal } from "../api/journal";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";
import { type VmHost, vmHostNamed } from "./compose";
import { type Ensure, ensure, type Owned, readingOf } from "./ensure";
import { defineStep } from "./step";

/** Its secrets (password, certificate, key) come apart, in the environment. */
export interface VmHostDesired {
  name: string;
  type: "lxd" | "virsh";
  address: string;
  /** LXD's. */
  project?: string;
  zone?: string;
  pool?: string;
  tags: readonly string[];
  cpuOverCommit?: number;
  memoryOverCommit?: number;
}

export interface VmHostObserved extends Owned {
  id: number;
  type: string;
}

export interface VmHostSecrets {
  password?: string;
  certificate?: string;
  key?: string;
}

interface Details extends VmHost {
  cpu_over_commit_ratio: number;
  memory_over_commit_ratio: number;
  zone: { name: string };
  pool: { name: string };
  tags: string[];
  /** Nothing until MAAS has heard of it. */
  total?: { cores: number };
}

/** The host is registered; virtual machines that run on it already appear in MAAS as machines. */
export const vmHostStep = defineStep({
  name: "vm-host",
  title: ({ name }: VmHostDesired) => `VM host ${name}`,
  key: ["name", "type"],
  secrets: "VM_HOST_SECRETS",
  marked: true,
  run: register,
  // Without its secrets, which drift has no business to read.
  read: (context, desired) => readingOf(wanted(context, desired, {})),
  remove: unregister,
});

async function register(
  context: Context,
  desired: VmHostDesired,
  previous?: VmHostObserved,
  secrets: VmHostSecrets = {},
): Promise<VmHostObserved> {
  const { client, log } = context;
  const found = await vmHostNamed(context, desired.name);
  if (found && found.type !== desired.type) {
    throw new StepError(
      `the VM host ${desired.name} is of type ${found.type} in MAAS, and of type ${desired.type} in the settings`,
      `correct homelab:maas.vmHosts, or delete it in MAAS: maas $PROFILE vm-host delete ${found.id}`,
    );
  }
  const journal = await Journal.open(context, "vm-host", desired.name);
  const { object, made } = await ensure(context, { ...wanted(context, desired, secrets), journal });
  // One that has never answered is what a killed run has left, or is as good as new.
  const unasked = (made && !found) || (found as Details | undefined)?.total?.cores === 0;
  if (unasked) {
    log(`VM host ${desired.name}: asking it what it has`);
    try {
      await client.post(`vm-hosts/${object.id}/`, "refresh", {}, { settled: async () => undefined });
    } catch (error) {
      // Else the next run would take it for somebody else's, and never ask it again.
      log(`VM host ${desired.name}: does not answer; taking it out of MAAS again`);
      await client.delete(`vm-hosts/${object.id}/`);
      throw error;
    }
  }
  return { id: object.id, type: object.type, created: made || unasked || (previous?.created ?? false) };
}

function wanted(context: Context, desired: VmHostDesired, { password, certificate, key }: VmHostSecrets): Ensure<Details> {
  const { name, type, zone, pool } = desired;
  return {
    what: `VM host ${name}`,
    find: async () => (await vmHostNamed(context, name)) as Details | undefined,
    create: {
      path: "vm-hosts/",
      form: {
        type,
        name,
        zone,
        pool,
        tags: desired.tags.join(",") || undefined,
        power_address: desired.address,
        project: type === "lxd" ? desired.project : undefined,
        password,
        certificate,
        key,
        ...(type === "virsh" && { power_pass: password }),
      },
    },
    path: (each) => `vm-hosts/${each.id}/`,
    now: (each) => ({
      zone: each.zone?.name,
      pool: each.pool?.name,
      cpu_over_commit_ratio: each.cpu_over_commit_ratio,
      memory_over_commit_ratio: each.memory_over_commit_ratio,
    }),
    wanted: { zone, pool, cpu_over_commit_ratio: desired.cpuOverCommit, memory_over_commit_ratio: desired.memoryOverCommit },
  };
}

/** Out of MAAS. MAAS would remove the machines that are still on the host without a word: they have to go before. */
async function unregister(context: Context, desired: VmHostDesired, previous?: VmHostObserved): Promise<void> {
  const { client, log } = context;
  if (previous?.created) {
    const guests = await client.get<{ hostname: string; pod: { id: number } | null }[]>("machines/", { pod: desired.name });
    const names = guests.filter(({ pod }) => pod?.id === previous.id).map(({ hostname }) => hostname);
    if (names.length > 0) {
      throw new StepError(
        `VM host ${desired.name}: MAAS would remove the machines on it, too: ${names.sort().join(", ")}`,
        "delete these machines in MAAS, or keep the VM host in homelab:maas.vmHosts",
      );
    }
    await client.delete(`vm-hosts/${previous.id}/`);
  } else {
    log(`VM host ${desired.name}: stays in MAAS, as it was there before this stack`);
  }
  await (await Journal.open(context, "vm-host", desired.name)).close();
}

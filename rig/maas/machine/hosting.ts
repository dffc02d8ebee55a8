/** VM hosts as rows of the database: what MAAS learns of one, and machines that become one by being deployed. */
import type { Node, VmHost } from "../state/model";
import type { World } from "../world";
import { contains } from "./addresses";
import type { NodeNetwork } from "./network";

/** What a simulated host has to give. */
const capacity = { cores: 16, memory: 65536, local_storage: 2_000_000_000_000 };

type Given = Pick<VmHost, "name" | "type" | "powerParameters"> & Partial<VmHost>;

/** Tags that MAAS makes of a host's, which machines composed on it get. */
export function ensureTags({ store, tables }: World, names: string[]): void {
  for (const name of names.filter((each) => !tables.tags.some((row) => row.name === each))) {
    const kernelOpts = name === "pod-console-logging" ? "console=tty1 console=ttyS0" : "";
    store.insert("tags", { id: store.nextId("tags"), name, definition: "", comment: "", kernelOpts });
  }
}

export function addVmHost(world: World, given: Given): VmHost {
  const { store } = world;
  ensureTags(world, ["pod-console-logging"]);
  return store.insert("vmHosts", {
    id: store.nextId("bmcs"),
    poolId: 0,
    zoneId: 1,
    cpuOverCommitRatio: 1,
    memoryOverCommitRatio: 1,
    defaultMacvlanMode: null,
    hostId: null,
    architectures: [],
    capabilities: [],
    version: "",
    total: { cores: 0, memory: 0, local_storage: 0 },
    storagePools: [],
    ...given,
    tags: ["pod-console-logging", ...(given.tags ?? [])],
  });
}

/** Whether MAAS gets an answer: an LXD at an address of the lab where no machine is lets nobody in without a word. */
export function answers({ tables }: World, { type, powerParameters, hostId }: VmHost): boolean {
  const { power_address: address = "", password, certificate } = powerParameters as Record<string, string | undefined>;
  const ip = /(?:^|\/\/|@)(\d+\.\d+\.\d+\.\d+)/.exec(address)?.[1];
  if (type !== "lxd" || hostId !== null || password || certificate || !ip) return true;
  return !tables.subnets.some((subnet) => contains(subnet.cidr, ip)) || tables.staticIps.some((row) => row.ip === ip);
}

export function discover(host: VmHost): void {
  if (host.version) return;
  Object.assign(host, {
    version: "5.21",
    total: { ...capacity },
    architectures: ["amd64/generic"],
    capabilities: ["dynamic_local_storage", "composable", "over_commit", "storage_pools"],
    storagePools: [{ id: "default", name: "default", type: "dir", path: "/var/lib/pools/default", total: capacity.local_storage }],
  });
}

/** A machine that was deployed with `register_vmhost` (LXD) or `install_kvm` (virsh) is a VM host of its own name. */
export function hostOf(maas: World & { network: NodeNetwork }, node: Node): void {
  const type = node.registerVmhost ? "lxd" : node.installKvm ? "virsh" : undefined;
  if (!type || maas.tables.vmHosts.some((row) => row.hostId === node.systemId)) return;
  const address = maas.network
    .interfacesOf(node)
    .flatMap((card) => maas.network.links(card))
    .find((row) => row.ip)?.ip;
  const powerParameters =
    type === "lxd"
      ? { power_address: `https://${address}:8443`, project: "maas" }
      : { power_address: `qemu+ssh://virsh@${address}/system` };
  discover(
    addVmHost(maas, { name: node.hostname, type, powerParameters, hostId: node.systemId, poolId: node.poolId ?? 0, zoneId: node.zoneId }),
  );
}

/** The host goes with its machine, and what was composed on it. */
export function unhost(maas: World & { network: NodeNetwork }, node: Node): void {
  for (const host of maas.tables.vmHosts.filter((row) => row.hostId === node.systemId)) {
    for (const composed of maas.machines().filter((row) => row.podId === host.id)) maas.removeNode(composed);
    maas.store.remove("vmHosts", (row) => row.id === host.id);
  }
}

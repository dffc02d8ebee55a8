import ipaddr from "ipaddr.js";
import { UserError } from "../../components/core/user-error";
import { k3sVersions } from "../../rig";
import { replaceEncrypted } from "../engine/encrypted";

type Tree = Record<string, unknown>;

/** A stack's settings for the embedded lab. */
export interface Rehearsal {
  config: Tree;
  /** The network of the stack's machines; the embedded lab's computer has its first address. */
  subnet: string;
  /** The machines that have to be plugged in: by name, their MAC addresses. Composed ones come from their VM host. */
  machines: { name: string; macAddresses: string[] }[];
  /** What the embedded lab cannot do, by setting: it is left out. */
  leftOut: string[];
}

const tree = (value: unknown): Tree => (value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Tree) : {});

/** What stands in for an encrypted value: it opens nothing, and has the form of most. */
const NO_SECRET = "rehearsal";

/**
 * The settings of a stack as the embedded lab can have them: addresses, names, roles and all that is installed stay; MAAS, power control,
 * secrets, images and where k3s comes from are the embedded lab's.
 *
 * @param given a stack file's `config`, with `homelab:` before each key and the machines of its inventory in it
 * @throws UserError where the embedded lab cannot have this network
 */
export function rehearsalOf(given: Tree): Rehearsal {
  const config = replaceEncrypted(given, () => NO_SECRET) as Tree;
  const leftOut: string[] = [];
  const drop = (of: Tree, where: string, ...keys: string[]) => {
    for (const key of keys.filter((each) => of[each] !== undefined)) {
      delete of[key];
      leftOut.push(`${where}.${key}`);
    }
  };
  const network = tree(config["homelab:network"]);
  const { subnet, host } = hostOf(network);
  const listed = Array.isArray(config["homelab:machines"]) ? config["homelab:machines"] : [];
  const machines = listed.map((each) => rehearsedMachine(tree(each), host, drop));

  const maas = tree(config["homelab:maas"]);
  drop(maas, "homelab:maas", "caFile", "images", "host", "install", "preseeds");
  const hosts = Array.isArray(maas.vmHosts) ? maas.vmHosts.map(tree) : [];
  const deployed = machines.filter((each) => each.vmHost !== undefined).map((each) => each.name);
  const asked = machines.flatMap((each) => (each.compose ? [tree(each.compose).host] : []));
  const known = [...hosts.map((each) => each.name), ...deployed];
  const missing = [...new Set(asked)].filter((name) => !known.includes(name)).map((name): Tree => ({ name }));

  const cluster = tree(config["homelab:cluster"]);
  drop(cluster, "homelab:cluster", "registries", "addressPool");
  if (cluster.version !== undefined && !k3sVersions.includes(String(cluster.version))) {
    drop(cluster, "homelab:cluster", "version");
  }
  if (cluster.datastore !== null && typeof cluster.datastore === "object") {
    drop(cluster, "homelab:cluster", "datastore");
  }
  drop(tree(cluster.backups), "homelab:cluster.backups", "folder", "s3");
  drop(config, "the stack's file", "homelab:inventory", "homelab:images");
  delete config["homelab:maasApiKey"];

  return {
    subnet,
    leftOut,
    machines: machines
      .filter((each) => !each.compose)
      .map((each) => ({ name: String(each.name), macAddresses: ((each.macAddresses ?? []) as string[]).map((mac) => mac.toLowerCase()) })),
    config: {
      ...config,
      "homelab:environment": "sim",
      // Its machines are there to be wiped: nobody has to consent.
      "homelab:protect": false,
      "homelab:maas": {
        ...maas,
        url: `http://${host}:5240/MAAS`,
        waits: { commission: "10 minutes", deploy: "10 minutes", release: "5 minutes" },
        vmHosts: [...hosts, ...missing].map(({ project: _, password: _p, certificate: _c, key: _k, ...each }) => ({
          ...each,
          type: "virsh",
          address: `qemu+ssh://lab@${host}/system`,
        })),
      },
      "homelab:network": { ...network, gateway: host, dnsServers: [host] },
      "homelab:machines": machines,
      "homelab:cluster": { ...cluster, install: { source: "mirror", url: `http://${host}:5248` } },
    },
  };
}

/** The subnet, and its first address, which the computer with the embedded lab takes. */
function hostOf(network: Tree): { subnet: string; host: string } {
  const subnet = String(network.subnet ?? "");
  const [, prefix] = ipaddr.IPv4.isValidCIDR(subnet) ? ipaddr.IPv4.parseCIDR(subnet) : [undefined, 0];
  if (prefix < 8 || prefix > 28) {
    throw new UserError({
      path: "homelab:network.subnet",
      message: "the embedded lab cannot have this network",
      found: subnet,
      allowed: "an IPv4 network of /8 to /28",
      fix: "rehearse a stack with such a network",
    });
  }
  const octets = ipaddr.IPv4.networkAddressFromCIDR(subnet).octets;
  return { subnet, host: [...octets.slice(0, 3), octets[3] + 1].join(".") };
}

function rehearsedMachine(machine: Tree, host: string, drop: (of: Tree, where: string, ...keys: string[]) => void): Tree {
  if (machine.address === host) {
    throw new UserError({
      path: "homelab:machines",
      message: `${machine.name} has the network's first address, which the embedded lab's computer takes`,
      found: host,
      allowed: "any other address of homelab:network.subnet",
      fix: "rehearse it with another address",
    });
  }
  const kept = { ...machine };
  // Machines of the embedded lab boot one operating system.
  drop(kept, String(machine.name), "architecture", "release", "kernel", "ephemeral", "hardwareSync");
  return kept.compose
    ? kept
    : { ...kept, power: { type: "virsh", parameters: { power_address: `qemu+ssh://lab@${host}/system`, power_id: machine.name } } };
}

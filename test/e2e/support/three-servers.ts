import * as fs from "node:fs/promises";
import * as yaml from "js-yaml";

type Settings = Record<string, unknown>;

/** Where the API answers, whichever of the servers lives. */
export const virtualAddress = "192.168.200.10";

/** One of the five machines of the embedded lab; its node has the same number. */
export function machine(number: number, role: "server" | "agent", more: Settings = {}): Settings {
  return {
    name: `node${number}`,
    role,
    macAddresses: [`52:54:00:c8:00:0${number}`],
    address: `192.168.200.1${number}`,
    power: {
      type: "virsh",
      parameters: { power_address: "qemu+ssh://lab@192.168.200.1/system", power_id: `node${number}` },
    },
    ...more,
  };
}

/** The cluster's own images, and none of what would run on it. */
export const imageArchives = ["coredns", "kube-vip", "local-path-helper", "local-path-provisioner", "pause"];
const taskImages = ["haproxy", "taskchampion-sync-server", "taskd"];

/** Both task servers and a user, at a name that stands for the virtual address: whichever of the machines lives. */
export const tasksName = "tasks.lab.test";
const taskServers = {
  hostname: tasksName,
  taskd: { service: "NodePort", nodePort: 30589 },
  taskchampion: { enabled: true, service: "NodePort" },
  organisations: [{ name: "Home", users: [{ name: "alice" }] }],
};

/** Where the embedded lab's machines get k3s. */
export const mirror = "http://192.168.200.1:5248";

/**
 * Settings of a lab that is about its cluster only: nothing is watched.
 *
 * @param options `tasks`: with task servers
 */
export async function writeSettings(file: string, machines: Settings[], cluster: Settings = {}, { tasks = false } = {}): Promise<void> {
  const install = { source: "mirror", url: mirror, imageArchives: tasks ? [...imageArchives, ...taskImages] : imageArchives };
  const config = {
    "homelab:environment": "sim",
    "homelab:protect": false,
    "homelab:maas": {
      url: "http://192.168.200.1:5240/MAAS",
      waits: { commission: "10 minutes", deploy: "10 minutes", release: "5 minutes" },
    },
    "homelab:network": { subnet: "192.168.200.0/24", gateway: "192.168.200.1", dnsServers: ["192.168.200.1"] },
    "homelab:machines": machines,
    "homelab:cluster": { virtualAddress, hardening: true, install, ...cluster },
    "homelab:monitoring": { enabled: false },
    "homelab:taskServers": tasks ? taskServers : { taskd: { enabled: false } },
  };
  await fs.writeFile(file, yaml.dump({ config }, { noRefs: true }));
}

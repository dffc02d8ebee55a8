import versions from "../../../versions.json";

/** Settings as they stand in a stack file, keys without their namespace. */
export type Draft = Record<string, any>;

export interface NamedChange {
  name: string;
  /** As its author would say it. */
  says: string;
  apply: (settings: Draft) => void;
}

const inSection =
  (section: string, edit: (part: Draft) => void) =>
  (settings: Draft): void => {
    settings[section] ??= {};
    edit(settings[section]);
  };

/** One change of every kind, each from the settings of the embedded lab as committed. */
export const changes: NamedChange[] = [
  { name: "nothing", says: "no change at all", apply: () => undefined },
  {
    name: "power-parameters",
    says: "another power address for node1",
    apply: ({ machines }) => {
      machines[0].power.parameters.power_address = "qemu+ssh://lab@192.168.200.2/system";
    },
  },
  {
    name: "tag",
    says: "a tag and a note for node2",
    apply: ({ machines }) => {
      Object.assign(machines[1], { tags: ["spare"], notes: "under the desk" });
    },
  },
  {
    name: "commissioning-script",
    says: "a script of one's own when node2 is commissioned",
    apply: (settings) => {
      settings.maas.scripts = [{ file: "test/fixtures/scripts/45-burn-in.sh" }];
      settings.machines[1].commissioning = { scripts: ["45-burn-in"] };
    },
  },
  {
    name: "disks",
    says: "another disk layout for node2",
    apply: ({ machines }) => {
      machines[1].storage = { layout: "lvm" };
    },
  },
  {
    name: "user-data-of-the-server",
    says: "a package more on node1, the only server",
    apply: ({ machines }) => {
      machines[0].userData = { packages: ["jq"] };
    },
  },
  {
    name: "operating-system",
    says: "another release on node2",
    apply: ({ machines }) => {
      machines[1].release = "jammy";
    },
  },
  {
    name: "address",
    says: "another address for node2",
    apply: ({ machines }) => {
      machines[1].address = "192.168.200.22";
    },
  },
  {
    name: "machine-removed",
    says: "node2 leaves",
    apply: ({ machines }) => {
      machines.pop();
    },
  },
  {
    name: "machine-added",
    says: "node3 comes",
    apply: ({ machines }) => {
      machines.push({
        name: "node3",
        role: "agent",
        macAddresses: ["52:54:00:c8:00:03"],
        address: "192.168.200.13",
        power: { type: "virsh", parameters: { power_address: "qemu+ssh://lab@192.168.200.1/system", power_id: "node3" } },
      });
    },
  },
  {
    name: "role",
    says: "two more servers: node2 changes its role, node3 comes",
    apply: ({ machines }) => {
      machines[1].role = "server";
      machines.push({ ...machines[1], name: "node3", macAddresses: ["52:54:00:c8:00:03"], address: "192.168.200.13" });
    },
  },
  {
    name: "k3s-version",
    says: "the next version of k3s",
    apply: inSection("cluster", (cluster) => {
      cluster.version = versions.k3s.next;
    }),
  },
  {
    name: "k3s-configuration",
    says: "a longer name list in the API server's certificate",
    apply: inSection("cluster", (cluster) => {
      cluster.tlsSan = ["lab.home.arpa"];
    }),
  },
  {
    name: "node-label",
    says: "a label on node2",
    apply: ({ machines }) => {
      machines[1].labels = { disk: "ssd" };
    },
  },
  {
    name: "node-taint",
    says: "a taint on node2",
    apply: ({ machines }) => {
      machines[1].taints = ["dedicated=backup:NoSchedule"];
    },
  },
  {
    name: "k3s-certificates",
    says: "new certificates for k3s",
    apply: inSection("cluster", (cluster) => {
      cluster.certificateGeneration = 2;
    }),
  },
  {
    name: "k3s-token",
    says: "a new token for k3s",
    apply: inSection("cluster", (cluster) => {
      cluster.tokenGeneration = 2;
    }),
  },
  {
    name: "monitoring-retention",
    says: "Prometheus keeps samples for longer",
    apply: inSection("monitoring", (monitoring) => {
      monitoring.prometheus = { ...monitoring.prometheus, retention: "30 days" };
    }),
  },
  {
    name: "monitoring-volume",
    says: "Prometheus' volume on another storage class",
    apply: inSection("monitoring", (monitoring) => {
      monitoring.prometheus = { ...monitoring.prometheus, storageClass: "fast" };
    }),
  },
  {
    name: "alert-receiver",
    says: "alerts go to a webhook",
    apply: inSection("monitoring", (monitoring) => {
      monitoring.alertmanager = { receivers: [{ type: "webhook", name: "pager", url: "https://pager.home.arpa/alerts" }] };
    }),
  },
  {
    name: "task-user-added",
    says: "carol may sync",
    apply: ({ taskServers }) => {
      taskServers.organisations[0].users.push({ name: "carol" });
    },
  },
  {
    name: "task-user-removed",
    says: "bob may not any more",
    apply: ({ taskServers }) => {
      taskServers.organisations[0].users[1].state = "removed";
    },
  },
  {
    name: "task-certificates",
    says: "certificates that last half as long: all are made anew",
    apply: ({ taskServers }) => {
      taskServers.certificates = { lifetime: "180 days" };
    },
  },
  {
    name: "network-range",
    says: "a range that MAAS leaves alone",
    apply: ({ network }) => {
      network.reservedRanges = [{ start: "192.168.200.2", end: "192.168.200.9", comment: "router and friends" }];
    },
  },
  {
    name: "dns-record",
    says: "a DNS domain with a record",
    apply: ({ network }) => {
      network.domain = { name: "home.arpa", records: [{ name: "nas", type: "A", data: "192.168.200.5" }] };
    },
  },
];

/** The settings of a stack file after a change. */
export function changed(config: Record<string, unknown>, change: NamedChange): Record<string, unknown> {
  const settings = Object.fromEntries(Object.entries(structuredClone(config)).map(([key, value]) => [key.replace(/^homelab:/, ""), value]));
  change.apply(settings);
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`homelab:${key}`, value]));
}

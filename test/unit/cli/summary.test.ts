import { backupAges } from "../../../cli/live/backup-ages";
import type { Sample } from "../../../cli/live/prometheus";
import { healthy, type LabStatus, renderNextSteps, renderStatus } from "../../../cli/live/summary";

const monitoring = (targets: { up: number; down: []; unknown: number }) => ({
  machines: [{ name: "node1", up: true, cpu: 0.1, memory: 0.2, disk: 0.3 }],
  alerts: [],
  backups: [],
  targets,
});
const status = (changes: Partial<LabStatus> = {}): LabStatus => ({
  machines: [{ name: "node1", role: "server", address: "192.168.200.11", state: "Deployed", power: "on" }],
  cluster: { nodes: [{ name: "node1", ready: true, version: "v1", system: "Debian", kernel: "6.1.0-41-amd64" }], pods: [] },
  monitoring: monitoring({ up: 12, down: [], unknown: 0 }),
  addresses: {
    MAAS: "http://192.168.200.1:5240/MAAS",
    "Start page": "https://home.lab.home.arpa",
    Grafana: "https://grafana.lab.home.arpa",
  },
  taskUsers: ["Home/alice"],
  ownAuthority: true,
  ...changes,
});

describe("what is shown of a lab", () => {
  it("is that all is well only where Prometheus has measured every target", () => {
    const well = /All is well: no alert is firing, and Prometheus reaches all 12 targets/;
    expect(renderStatus(status())).toMatch(well);
    const early = renderStatus(status({ monitoring: monitoring({ up: 3, down: [], unknown: 9 }) }));
    expect(early).toContain("Prometheus has scraped 3 of 12 targets so far");
    expect(early).not.toContain("All is well");
    const first = renderStatus(status({ monitoring: monitoring({ up: 0, down: [], unknown: 0 }) }));
    expect(first).toContain("Prometheus has scraped 0 of 0 targets so far");
    expect(first).not.toContain("All is well");
    expect(healthy(status())).toBe(true);
  });

  it("names the machines that an update has left waiting for a restart, and the command for this stack", () => {
    const facts = monitoring({ up: 12, down: [], unknown: 0 });
    const waiting = status({ monitoring: { ...facts, machines: facts.machines.map((machine) => ({ ...machine, restart: true })) } });
    expect(renderStatus(waiting, "attic")).toContain(
      "An update waits for a restart on node1: './lab upgrade os --packages none --stack attic' restarts one after another.",
    );
    expect(renderStatus(status(), "attic")).not.toContain("waits for a restart");
  });

  it("says when backups were made and proven, and which were never", async () => {
    const now = Date.now() / 1000;
    const answers: Record<string, Sample[]> = {
      'kube_cronjob_status_last_successful_time{cronjob=~"task(d|champion)-backup"}': [
        { labels: { cronjob: "taskd-backup" }, value: now - 3600 * 5 },
        { labels: { cronjob: "taskchampion-backup" }, value: now - 3600 * 5 },
      ],
      'kube_cronjob_status_last_successful_time{cronjob=~"task(d|champion)-verify"}': [
        { labels: { cronjob: "taskd-verify" }, value: now - 3600 * 4 },
      ],
      homelab_cluster_backup_timestamp_seconds: [{ labels: { instance: "node1" }, value: now - 60 }],
      homelab_cluster_backup_proven_timestamp_seconds: [{ labels: { instance: "node1" }, value: now - 86400 * 6 }],
    };
    const backups = await backupAges({ query: async (query) => answers[query] });
    const shown = renderStatus(status({ monitoring: { ...monitoring({ up: 12, down: [], unknown: 0 }), backups } }));
    expect(shown).toMatch(/│ cluster on node1 +│ 1 minute ago +│ 6 days ago +│/);
    expect(shown).toMatch(/│ taskd +│ 5 hours ago +│ 4 hours ago +│/);
    expect(shown).toMatch(/│ taskchampion +│ 5 hours ago +│ never +│/);
    expect(renderStatus(status())).not.toContain("Backups");
  });

  it("has MAAS, the start page and Grafana with their addresses", () => {
    const shown = renderStatus(status());
    for (const [service, address] of Object.entries(status().addresses)) {
      expect(shown).toMatch(new RegExp(`│ ${service} +│ ${address.replaceAll("/", "\\/")} `));
    }
  });

  it("ends with what to do next: open, passwords, names, trust, tasks, backup", () => {
    const next = renderNextSteps(status());
    const commands = [
      "https://home.lab.home.arpa",
      "./lab passwords",
      "./lab hosts",
      "./lab ca",
      "./lab taskrc Home/alice",
      "./lab backup",
    ];
    expect(commands.filter((command) => !next.includes(command))).toEqual([]);
    // Certificates of a public authority need no trust.
    expect(renderNextSteps(status({ ownAuthority: false }))).not.toContain("./lab ca");
  });

  it("names the stack that is not up", () => {
    expect(renderStatus(status({ machines: [], cluster: undefined, monitoring: undefined, addresses: {} }), "attic")).toBe(
      "\nThe lab is not up: it has no machines. './lab up --stack attic' brings it up.\n",
    );
  });
});

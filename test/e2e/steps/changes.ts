import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { Drift } from "../../../cli/drift/finding";
import { overSsh } from "../../../cli/drift/hosts";
import { KubernetesApi } from "../../../cli/kubernetes-api";
import type { Report } from "../../../cli/report/report";
import { MaasClient } from "../../../maas/client";
import type { Machine } from "../../../maas/types";
import { checkout, type TestLab } from "../support/lab";

const minutes = 60_000;

interface Outputs {
  kubeconfig: string;
  sshKey: string;
  sshHostKeys: string[];
  machines: Record<string, { address: string; user: string; port: number }>;
}

interface Listed {
  items: { metadata: { name: string; namespace?: string; generation?: number; uid: string; labels?: Record<string, string> } }[];
}

/** What the cluster and MAAS say of themselves: generations of objects, pods, nodes' labels, and MAAS's own event log. */
async function look(lab: TestLab, { kubeconfig }: Outputs) {
  const api = new KubernetesApi(kubeconfig);
  try {
    const lists = ["apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets", "batch/v1/cronjobs"];
    const objects = (await Promise.all(lists.map((list) => api.get<Listed>(`/apis/${list}`)))).flatMap(({ items }) => items);
    const pods = (await api.get<Listed>("/api/v1/pods")).items.map(({ metadata }) => metadata.uid).sort();
    const nodes = (await api.get<Listed>("/api/v1/nodes")).items;
    const { events } = await lab.maas<{ events: { id: number; node: string; hostname: string; type: string }[] }>(
      "events/?op=query&limit=1000&level=INFO",
    );
    return {
      generations: Object.fromEntries(objects.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.generation])),
      pods,
      labels: Object.fromEntries(nodes.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
      events,
    };
  } finally {
    api.close();
  }
}

/** The settings of the lab with a change, from here on also those of every other command on it. */
async function change(lab: TestLab, edit: (config: Record<string, any>) => void): Promise<void> {
  const file = lab.environment.LAB_SIM_SETTINGS ?? path.join(checkout, "Pulumi.sim.yaml");
  const stack = yaml.load(await fs.readFile(file, "utf8")) as { config: Record<string, any> };
  edit(stack.config);
  const changed = path.join(lab.state, "changed.yaml");
  await fs.writeFile(changed, yaml.dump(stack));
  lab.environment.LAB_SIM_SETTINGS = changed;
}

/** Changes to a lab that is up, each previewed, reported, applied and compared with what the report said. */
export function changeSteps(lab: TestLab): void {
  it(
    "does what the report said, and nothing else",
    async () => {
      const outputs = await lab.stackOutputs<Outputs>();
      await change(lab, (config) => {
        config["homelab:machines"][1].tags = ["spare"];
        config["homelab:machines"][1].labels = { "home.arpa/desk": "under" };
        config["homelab:taskServers"].backup = { ...config["homelab:taskServers"].backup, schedule: "45 2 * * *" };
      });
      const file = path.join(lab.state, "report.json");
      const reported = await lab.lab("report", "--json", file);
      expect(reported.code === 0 ? "" : reported.output.slice(-4000)).toBe("");
      const report = JSON.parse(await fs.readFile(file, "utf8")) as Report;
      expect(report.destructive).toBe(false);
      expect(Object.keys(report.machines)).toEqual(["node2"]);
      expect(report.effects.filter(({ kind }) => kind === "service")).toEqual([]);
      const schedules = report.effects.filter(({ what }) => what.startsWith("CronJob"));
      expect(schedules.map(({ what }) => what)).toEqual(["CronJob edited", "CronJob edited"]);

      const before = await look(lab, outputs);
      const up = await lab.lab("up");
      expect(up.code === 0 ? "" : up.output.slice(-4000)).toBe("");
      const after = await look(lab, outputs);

      const last = Math.max(...before.events.map(({ id }) => id));
      const touched = new Set(after.events.filter(({ id }) => id > last).map(({ hostname }) => hostname));
      expect([...touched].filter((name) => !(name in report.machines))).toEqual([]);
      const machines = await lab.maas<Machine[]>("machines/");
      expect(machines.filter(({ tag_names }) => tag_names.includes("spare")).map(({ hostname }) => hostname)).toEqual(["node2"]);
      expect([after.labels.node1["home.arpa/desk"], after.labels.node2["home.arpa/desk"]]).toEqual([undefined, "under"]);
      const edited = Object.keys(after.generations).filter((name) => after.generations[name] !== before.generations[name]);
      expect(edited.sort()).toEqual(["tasks/taskchampion-backup", "tasks/taskd-backup"]);
      expect(after.pods.filter((uid) => !before.pods.includes(uid))).toEqual([]);
    },
    5 * minutes,
  );

  it(
    "sees what was changed by hand, and puts it right",
    async () => {
      const { sshKey, sshHostKeys, machines } = await lab.stackOutputs<Outputs>();
      const key = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim();
      const maas = new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey: key });
      const [node2] = await maas.get<Machine[]>("machines/", { hostname: "node2" });
      await maas.post("tags/spare/", "update_nodes", { remove: node2.system_id }, { settled: async () => undefined });
      const hostKey =
        sshHostKeys.find((line) => line.startsWith(`${machines.node1.address} `))?.slice(machines.node1.address.length + 1) ?? "";
      const kubectl = 'sudo k3s kubectl -n tasks patch cronjob taskd-backup -p \'{"spec":{"schedule":"0 0 1 1 *"}}\'';
      const connection = {
        host: machines.node1.address,
        port: machines.node1.port,
        user: machines.node1.user,
        privateKey: sshKey,
        hostKey,
      };
      expect(await overSsh(connection, kubectl)).toContain("patched");

      const drifted = await lab.lab("drift", "--json");
      expect(drifted.code).toBe(1);
      const { findings, unknown } = JSON.parse(drifted.stdout) as Drift;
      expect(unknown).toEqual([]);
      expect(findings.map(({ source, subject, property, expected }) => [source, subject, property, expected])).toEqual([
        ["MAAS", "node2", "tags", "spare"],
        ["Kubernetes", "CronJob tasks/taskd-backup", "spec.schedule", "45 2 * * *"],
      ]);
      const repaired = await lab.lab("up", "--repair");
      expect(repaired.code === 0 ? "" : repaired.output.slice(-4000)).toBe("");
      const again = await lab.lab("drift");
      expect([again.code, again.stdout]).toEqual([0, "sim: everything is as settings and state say.\n"]);
    },
    5 * minutes,
  );
}

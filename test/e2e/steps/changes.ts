import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Drift } from "../../../cli/drift/finding";
import { overSsh } from "../../../cli/drift/hosts";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { MaasClient } from "../../../components/maas/api/client";
import type { Machine } from "../../../components/maas/api/types";
import { applyKinds } from "../support/kinds-of-change";
import { eventually, failureOf, type TestLab } from "../support/lab";
import { reviewedChange } from "../support/reviewed-change";
import type { Canaries } from "./canaries";

const minutes = 60_000;

interface Outputs {
  kubeconfig: string;
  sshKey: string;
  sshHostKeys: string[];
  machines: Record<string, { address: string; user: string; port: number }>;
}

/** What somebody does to the lab behind its settings' back. */
export function driftSteps(lab: TestLab): void {
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
      expect(failureOf(repaired)).toBe("");
      const again = await lab.lab("drift");
      expect([again.code, again.stdout]).toEqual([0, "sim: everything is as settings and state say.\n"]);
    },
    5 * minutes,
  );
}

/** The last change of the lab's life: nothing comes after it that wants to be quick. */
export function growthSteps(lab: TestLab, canaries: Canaries): void {
  it(
    "grows from one server to three, its agent among them, and moves its measurements to another class of volumes",
    async () => {
      const { kubeconfig } = await lab.stackOutputs<Outputs>();
      const api = new KubernetesApi(kubeconfig);
      await api.create("/apis/storage.k8s.io/v1/storageclasses", {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: "fast" },
        provisioner: "rancher.io/local-path",
        volumeBindingMode: "WaitForFirstConsumer",
      });
      applyKinds(lab, "grown");
      await canaries.plant();
      const report = await reviewedChange(lab);
      expect(report.machines).toEqual({ node1: "interrupts", node2: "interrupts", node3: "adds" });

      const grown = new KubernetesApi((await lab.stackOutputs<Outputs>()).kubeconfig);
      const nodes = await grown.get<{ items: { metadata: { name: string; labels: Record<string, string> } }[] }>("/api/v1/nodes");
      const members = nodes.items.filter(({ metadata }) => metadata.labels["node-role.kubernetes.io/etcd"] === "true");
      expect(members.map(({ metadata }) => metadata.name).sort()).toEqual(["node1", "node2", "node3"]);
      // The provisioner starts anew when the API servers do, and waits for its own lease to end first.
      const claim = await eventually("the measurements' claim bound", 300, async () => {
        const now = await grown.get<{ spec: { storageClassName: string }; status: { phase: string } }>(
          "/api/v1/namespaces/monitoring/persistentvolumeclaims/prometheus-data-fast",
        );
        return now.status.phase === "Bound" && now;
      });
      expect([claim.spec.storageClassName, claim.status.phase]).toEqual(["fast", "Bound"]);
    },
    15 * minutes,
  );
}

import type { TestLab } from "../support/lab";
import { LabMachine } from "../support/machines";

const minutes = 60_000;

interface Pod {
  metadata: { namespace: string; labels?: Record<string, string> };
  spec: { nodeName: string; hostNetwork?: boolean };
  status: { phase: string; podIP: string };
}

const nameOf = ({ metadata }: Pod) => metadata.labels?.["app.kubernetes.io/name"] ?? metadata.labels?.["k8s-app"] ?? "";

/** Opens a connection from the network namespace of the pod with this address; a packet that a policy drops is never answered. */
const ASK = `
for each in $(ip netns list | cut -d" " -f1); do
  if ip -n "$each" -4 -oneline address | grep -qF " $1/"; then
    for _ in 1 2 3; do
      if ip netns exec "$each" timeout 3 bash -c "</dev/tcp/$2/$3" 2>/dev/null; then echo open; exit; fi
    done
    echo closed
    exit
  fi
done
echo "no pod has $1 here"
`;

/** Who may open a connection to what: the policies of the stack, and a pod that has none. */
const asked: readonly (readonly [from: string, to: string, port: number, answer: "open" | "closed"])[] = [
  ["prometheus", "kube-state-metrics", 8080, "open"],
  ["prometheus", "alertmanager", 9093, "open"],
  ["traefik", "prometheus", 9090, "open"],
  ["traefik", "home", 8080, "open"],
  ["kube-dns", "taskd", 53589, "open"],
  ["kube-state-metrics", "home", 8080, "closed"],
  ["kube-dns", "kube-state-metrics", 8080, "closed"],
  ["kube-state-metrics", "prometheus", 9090, "closed"],
  ["alertmanager", "kube-state-metrics", 8080, "closed"],
  ["prometheus", "home", 8080, "closed"],
  ["home", "taskd", 53589, "closed"],
  ["taskd", "kube-dns", 53, "closed"],
];

/** Network policies on the lab that is up, whichever nodes its pods are on. */
export function policySteps(lab: TestLab): void {
  it(
    "lets pods talk to whom the stack's network policies name, and to nobody else",
    async () => {
      const machines: Record<string, LabMachine> = { node1: new LabMachine(lab, 1), node2: new LabMachine(lab, 2) };
      const { items } = JSON.parse(await machines.node1.kubectl("get", "pods", "--all-namespaces", "--output", "json")) as { items: Pod[] };
      const pod = (name: string): Pod => {
        const found = items.find((each) => nameOf(each) === name && each.status.phase === "Running" && !each.spec.hostNetwork);
        if (!found) {
          throw new Error(`no pod ${name} runs; there are ${[...new Set(items.map(nameOf))].join(", ")}`);
        }
        return found;
      };
      const answers = await Promise.all(
        asked.map(async ([from, to, port]) => {
          const { spec, status } = pod(from);
          const answer = await machines[spec.nodeName].run("bash", "-c", ASK, "ask", status.podIP, pod(to).status.podIP, String(port));
          return [from, to, port, answer.trim()];
        }),
      );
      expect(answers).toEqual(asked);
    },
    3 * minutes,
  );
}

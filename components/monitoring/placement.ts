import type * as kubernetes from "@pulumi/kubernetes";
import { selectorOf } from "../kubernetes/workload";

/**
 * On a server, and on the same machine as `companion`, where there is room. Agents come, go and are drained; and as an
 * alert needs Prometheus and Alertmanager both, two machines would make it twice as likely that one of them is down.
 */
export function besides(companion: string): kubernetes.types.input.core.v1.Affinity {
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 50,
          preference: { matchExpressions: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists" }] },
        },
      ],
    },
    podAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: selectorOf(companion) } },
        },
      ],
    },
  };
}

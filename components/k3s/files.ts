import type { MachineRole } from "../core/machine-access";
import { AGENT_TOKEN_FILE, type NodeMarks, renderRegistration, TOKEN_FILE } from "./config";
import type { RemoteFile } from "./scripts";

/** Read once, when the node joins: its labels and taints. */
export const REGISTRATION_FILE = "/etc/rancher/k3s/config.yaml.d/20-register.yaml";

/** What a node must keep to itself. */
export interface NodeSecrets {
  /** With which servers join. */
  token: string;
  /** With which agents join; servers need to know it. */
  agentToken: string;
  /**
   * What a node proves its name with. Kept by the stack, so that a machine that was deployed anew is taken back under
   * the same name instead of being refused (k3s#802).
   */
  nodePassword: string;
}

/** The files that k3s reads on one node. Secrets have files of their own, mode 0600. */
export function nodeFiles(role: MachineRole, config: string, marks: NodeMarks, secrets: NodeSecrets): RemoteFile[] {
  const server = role === "server";
  return [
    { path: "/etc/rancher/k3s/config.yaml", mode: "0600", content: config },
    { path: REGISTRATION_FILE, mode: "0600", content: renderRegistration(marks) },
    { path: TOKEN_FILE, mode: "0600", content: `${server ? secrets.token : secrets.agentToken}\n` },
    { path: AGENT_TOKEN_FILE, mode: "0600", content: server ? `${secrets.agentToken}\n` : undefined },
    { path: "/etc/rancher/node/password", mode: "0600", content: `${secrets.nodePassword}\n` },
  ];
}

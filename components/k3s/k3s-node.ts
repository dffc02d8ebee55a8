import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "../machine-access";
import type { ClusterSettings } from "../settings/cluster";
import type { Duration } from "../settings/values";
import { toSeconds } from "../settings/values";
import { AGENT_TOKEN_FILE, digest, type NodeConfig, nodeConfig, renderConfig, TOKEN_FILE } from "./config";
import { machineCommand } from "./remote";
import { filesOnStdin, joinedScripts, PLACE_SCRIPT, type RemoteFile, verb } from "./scripts";

/** `homelab:k3s:Node`'s arguments. */
export interface K3sNodeArgs {
  machine: MachineAccess;
  cluster: ClusterSettings;
  /** Everything `config.yaml` is made from, but for what the machine itself says. */
  config: pulumi.Input<Omit<NodeConfig, "name" | "role" | "address">>;
  /** Joins servers; the agents' own token when the machine is an agent. Secret. */
  token: pulumi.Input<string>;
  /** With which agents join; servers need to know it. Secret. */
  agentToken: pulumi.Input<string>;
  /**
   * What a node proves its name with. Kept by the stack, so that a machine that was deployed anew is taken back under the
   * same name instead of being refused.
   */
  nodePassword: pulumi.Input<string>;
  /** Archives to import from the mirror beside k3s' own. */
  imageArchives: readonly string[];
  /** How long sshd may take after MAAS said Deployed. */
  sshTimeout: Duration;
}

/** k3s on one machine: SSH answers, script in place, k3s installed and its node Ready. */
export class K3sNode extends pulumi.ComponentResource {
  readonly role: MachineAccess["role"];
  /** `config.yaml` as it is on the machine; holds no secret. */
  readonly config: pulumi.Output<string>;
  /** The last of its commands: whoever needs the node depends on this. */
  readonly installed: command.remote.Command;

  constructor(name: string, args: K3sNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    const { machine, cluster } = args;
    super("homelab:k3s:Node", name, { machine: machine.name, role: machine.role, version: cluster.version }, opts);
    this.role = machine.role;

    const ssh = machineCommand(`${name}-ssh`, { machine, run: "true", timeout: args.sshTimeout, awaitSsh: true }, { parent: this });
    const script = machineCommand(
      `${name}-script`,
      { machine, run: PLACE_SCRIPT, stdin: joinedScripts(), timeout: "2 minutes" },
      { parent: this, dependsOn: [ssh] },
    );

    this.config = pulumi
      .all([args.config, machine.address])
      .apply(([config, address]) =>
        renderConfig(machine.role, nodeConfig(cluster, { ...config, name: machine.name, role: machine.role, address })),
      );
    const files = pulumi
      .all([this.config, args.token, args.agentToken, args.nodePassword])
      .apply(([config, token, agentToken, nodePassword]) => nodeFiles(machine.role, { config, token, agentToken, nodePassword }));
    this.installed = machineCommand(
      `${name}-k3s`,
      {
        machine,
        run: this.config.apply((config) => installCommand(machine, cluster, args.imageArchives, config)),
        stdin: files.apply(filesOnStdin),
        timeout: `${toSeconds(cluster.timeouts.install) + toSeconds(cluster.timeouts.ready)} seconds`,
      },
      { parent: this, dependsOn: [script] },
    );

    this.registerOutputs({ config: this.config, installed: this.installed.stdout });
  }
}

/** The files that k3s reads, secrets in files of their own and mode 0600. */
export function nodeFiles(
  role: MachineAccess["role"],
  parts: { config: string; token: string; agentToken: string; nodePassword: string },
): RemoteFile[] {
  const server = role === "server";
  return [
    { path: "/etc/rancher/k3s/config.yaml", mode: "0600", content: parts.config },
    { path: TOKEN_FILE, mode: "0600", content: `${server ? parts.token : parts.agentToken}\n` },
    { path: AGENT_TOKEN_FILE, mode: "0600", content: server ? `${parts.agentToken}\n` : undefined },
    { path: "/etc/rancher/node/password", mode: "0600", content: `${parts.nodePassword}\n` },
  ];
}

/** The `install` verb with what it needs to know; a changed `config.yaml` shows as another digest. */
export function installCommand(
  machine: Pick<MachineAccess, "name" | "role">,
  cluster: ClusterSettings,
  archives: readonly string[],
  config: string,
): string {
  const { install, timeouts } = cluster;
  return verb("install", {
    role: machine.role,
    node: machine.name,
    version: cluster.version,
    config: digest(config),
    source: install.source,
    script: install.source === "online" ? install.script : `${install.url}/install.sh`,
    releases: install.source === "online" ? install.releases : `${install.url}/k3s`,
    mirror: install.source === "mirror" ? install.url : undefined,
    archives: archives.length > 0 ? archives.join(" ") : undefined,
    "pin-amd64": install.checksums.amd64,
    "pin-arm64": install.checksums.arm64,
    "install-timeout": toSeconds(timeouts.install),
    "ready-timeout": toSeconds(timeouts.ready),
  });
}

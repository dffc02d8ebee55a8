import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess, MachineRole } from "../core/machine-access";
import { machineCommand, machineCopy } from "../core/machine-command";
import { type Duration, toSeconds } from "../core/notations";
import type { ExtraConfig, K3sOptions, K3sValues } from "./args";
import { digest, labelList, type NodeConfig, type NodeMarks, nodeConfig, renderConfig } from "./config";
import { type NodeSecrets, nodeFiles, REGISTRATION_FILE } from "./files";
import { sourceParameters } from "./release";
import { filesOnStdin, placeScript, type RemoteFile, SCRIPTS_FOLDER, verb } from "./scripts";

/** `homelab:k3s:Node`'s arguments. */
export interface K3sNodeArgs {
  machine: MachineAccess;
  cluster: Omit<K3sOptions, keyof K3sValues>;
  /** What previews need not know of it. */
  values: pulumi.Output<K3sValues>;
  /** `extraConfig` in clear; a secret where it was given as one. */
  extraConfig: pulumi.Output<Record<MachineRole, ExtraConfig>>;
  role: MachineRole;
  /** Everything `config.yaml` is made from, but for what the machine itself says. */
  config: pulumi.Input<Omit<NodeConfig, "name" | "role" | "address">>;
  /** Labels and taints. */
  marks: pulumi.Output<NodeMarks>;
  /** Leaves its local volumes behind, which are lost. */
  losesVolumes: boolean;
  /** All secret. */
  secrets: pulumi.Input<NodeSecrets>;
  /** Manifests and the like for servers, without secrets. */
  files: pulumi.Input<readonly RemoteFile[]>;
  /** A server that speaks for the cluster about this node; for a server itself. */
  control: MachineAccess;
  /** Takes the node out of the cluster when it leaves the settings; absent when there is nobody to do it. */
  survivor?: MachineAccess;
  /** For servers with embedded etcd: addresses of the other servers, and whether this one may start the cluster. */
  etcd?: { peers: pulumi.Input<readonly string[]>; first: boolean };
  /** The server that makes for all what only one may make. */
  lead: boolean;
  /** Archives to import from the mirror beside k3s' own. */
  imageArchives: readonly string[];
  /** SSH answers; see `awaitSsh`. */
  reachable: pulumi.Resource;
  /** What must be there before k3s may be touched on this machine. */
  after: pulumi.Resource[];
}

/**
 * k3s on one machine: script in place ▶ node emptied (when it is about to be upgraded) ▶ k3s installed and
 * its node Ready ▶ node admitted with its labels and taints. Its membership goes first when the machine goes.
 */
export class K3sNode extends pulumi.ComponentResource {
  readonly role: MachineRole;
  /** `config.yaml` as it is on the machine; secret, as `extraConfig` may hold keys. */
  readonly config: pulumi.Output<string>;
  /** The last of its commands: whoever needs the node depends on this. */
  readonly admitted: command.remote.Command;

  constructor(name: string, args: K3sNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    const { machine, role, cluster, values, control } = args;
    const version = values.version;
    super("homelab:k3s:Node", name, { machine: machine.name, role, version }, opts);
    this.role = role;
    const { timeouts } = cluster;

    const copied = machineCopy(
      `${name}-installer`,
      { machine, folder: SCRIPTS_FOLDER, timeout: "2 minutes" },
      { parent: this, dependsOn: [args.reachable] },
    );
    const script = machineCommand(
      `${name}-script`,
      { machine, run: placeScript(), timeout: "2 minutes" },
      { parent: this, dependsOn: [copied] },
    );

    // A server empties itself as part of its installation; an agent has no rights to, so a server does it.
    const prepared =
      control === machine
        ? []
        : [
            machineCommand(
              `${name}-prepare`,
              {
                machine: control,
                run: version.apply((known) =>
                  verb("prepare", { node: machine.name, version: known, "drain-timeout": toSeconds(timeouts.drain) }),
                ),
                timeout: longer(timeouts.drain),
              },
              { parent: this, dependsOn: [script, ...args.after] },
            ),
          ];

    this.config = pulumi.secret(
      pulumi
        .all([args.config, machine.address, args.extraConfig, values])
        .apply(([config, address, extraConfig, known]) =>
          renderConfig(role, nodeConfig({ ...cluster, ...known, extraConfig }, { ...config, name: machine.name, role, address })),
        ),
    );
    const files = pulumi
      .all([this.config, args.secrets, args.files, args.marks])
      .apply(([config, secrets, more, marks]) => [...nodeFiles(role, config, marks, secrets), ...more]);
    const installed = machineCommand(
      `${name}-k3s`,
      {
        machine,
        // A digest of long random secrets tells nothing about them, which is why it may be shown.
        run: pulumi.unsecret(
          pulumi
            .all([files, args.etcd?.peers ?? [], values])
            .apply(([all, peers, known]) => installCommand({ ...args, cluster: { ...cluster, ...known } }, readAtStart(all), peers)),
        ),
        stdin: files.apply((all) => filesOnStdin(all)),
        timeout: `${toSeconds(timeouts.install) + toSeconds(timeouts.ready) + toSeconds(timeouts.drain)} seconds`,
      },
      { parent: this, dependsOn: [script, ...prepared, ...args.after] },
    );

    this.admitted = machineCommand(
      `${name}-admit`,
      {
        machine: control,
        run: pulumi.all([version, args.marks]).apply(([known, { labels, taints }]) =>
          verb("admit", {
            node: machine.name,
            version: known,
            labels: labelList(labels).join(" ") || undefined,
            taints: [...taints].sort().join(" ") || undefined,
            "ready-timeout": toSeconds(timeouts.ready),
          }),
        ),
        rerun: control === machine ? undefined : machine.incarnation,
        timeout: longer(timeouts.ready),
      },
      { parent: this, dependsOn: [installed] },
    );
    // Leaves before its machine does, whether that is taken out of the settings or only deployed anew: emptied, and its name free.
    if (args.survivor) {
      machineCommand(
        `${name}-membership`,
        {
          machine: args.survivor,
          remove: verb("remove", {
            node: machine.name,
            "drain-timeout": toSeconds(timeouts.drain),
            "lose-volumes": args.losesVolumes ? "true" : undefined,
          }),
          removeFor: machine.deployed,
          timeout: longer(timeouts.drain),
        },
        { parent: this, dependsOn: [this.admitted] },
      );
    }

    this.registerOutputs({ config: this.config, installed: installed.stdout });
  }
}

/** A command's own limit, later than the one it is told, so that it is the command that says why. */
function longer(limit: Duration): Duration {
  return `${toSeconds(limit) + 60} seconds`;
}

/** Of a node's files, what k3s restarts for; see `inputs_digest` of `homelab-k3s/30-install.sh`. */
export function readAtStart(files: readonly RemoteFile[]): string {
  return JSON.stringify(files.filter(({ path }) => path.startsWith("/etc/rancher/k3s/") && path !== REGISTRATION_FILE));
}

/** A generation that asks for something. The first is how things came: a lab that was there before there was a number runs nothing anew. */
export function laterThanFirst(generation: number): number | undefined {
  return generation > 1 ? generation : undefined;
}

/** The `install` verb with what it needs to know; what k3s would restart for shows as another digest. */
export function installCommand(
  args: Pick<K3sNodeArgs, "machine" | "role" | "imageArchives" | "etcd" | "lead"> & {
    cluster: Pick<K3sOptions, "timeouts" | "certificateGeneration" | "authorityGeneration"> & Pick<K3sValues, "install" | "version">;
  },
  read: string,
  peers: readonly string[],
): string {
  const { machine, role, imageArchives, etcd } = args;
  const { install, timeouts, version } = args.cluster;
  const authorities = laterThanFirst(args.cluster.authorityGeneration);
  return verb("install", {
    role,
    node: machine.name,
    version,
    config: digest(read),
    ...sourceParameters(install),
    archives: imageArchives.length > 0 ? imageArchives.join(" ") : undefined,
    start: etcd ? "etcd" : undefined,
    first: etcd && String(etcd.first),
    peers: peers.length > 0 ? peers.join(" ") : undefined,
    certificates: args.cluster.certificateGeneration,
    authorities,
    lead: authorities && args.lead ? "true" : undefined,
    "pin-amd64": install.checksums.amd64,
    "pin-arm64": install.checksums.arm64,
    "pin-script": install.scriptChecksum,
    "install-timeout": toSeconds(timeouts.install),
    "ready-timeout": toSeconds(timeouts.ready),
    "drain-timeout": toSeconds(timeouts.drain),
  });
}

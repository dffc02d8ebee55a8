import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "./machine-access";
import { type Duration, toGoDuration } from "./notations";

export interface MachineCommandArgs {
  machine: MachineAccess;
  /** Command text for create and update alike: every command here is the same to run twice. No secrets. */
  run?: pulumi.Input<string>;
  /** Command text for when the resource is deleted. Then a new deployment of the machine triggers nothing: that would run it. */
  remove?: pulumi.Input<string>;
  /** With `remove`: a change of it has the resource deleted first, and made again. */
  removeFor?: pulumi.Input<string>;
  /** A change of it runs the command anew, beside a new deployment of the machine. */
  rerun?: pulumi.Input<string>;
  /** Secrets and files. */
  stdin?: pulumi.Input<string>;
  timeout: Duration;
  /** Never set where output may hold a secret: then nothing is logged, and the output is a secret in the state. */
  secretOutput?: boolean;
  /** Dial for as long as `timeout` lasts, for a machine whose sshd may not be up yet. */
  awaitSsh?: boolean;
}

/**
 * One command on a machine over SSH. The host key is pinned; a redeployed machine runs it anew; and when the machine
 * goes in the same operation, nothing is asked of it any more, so that a dead one does not block `destroy`.
 */
export function machineCommand(name: string, args: MachineCommandArgs, opts: pulumi.CustomResourceOptions): command.remote.Command {
  const { machine } = args;
  const timeout = toGoDuration(args.timeout);
  return new command.remote.Command(
    name,
    {
      connection: laterGiven,
      create: args.run,
      update: args.run,
      delete: args.remove,
      stdin: args.stdin === undefined ? undefined : pulumi.secret(args.stdin),
      triggers: triggers(args),
      addPreviousOutputInEnv: false,
      logging: args.secretOutput ? command.remote.Logging.None : command.remote.Logging.Stderr,
    },
    {
      ...over(machine, opts, args.awaitSsh),
      customTimeouts: { create: timeout, update: timeout },
      additionalSecretOutputs: args.secretOutput ? ["stdout", "stderr"] : undefined,
      deletedWith: machine.resource,
      deleteBeforeReplace: args.remove !== undefined,
    },
  );
}

/** A folder for a machine. */
export interface MachineCopyArgs {
  machine: MachineAccess;
  /** On this computer; no secrets. The state keeps its digest only. */
  folder: string;
  timeout: Duration;
}

/** Copies a folder into the home of the machine's user, under its own name, over SFTP; anew when it or the machine's disk is another. */
export function machineCopy(
  name: string,
  { machine, folder, timeout }: MachineCopyArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.CopyToRemote {
  const limit = toGoDuration(timeout);
  return new command.remote.CopyToRemote(
    name,
    {
      connection: laterGiven,
      source: new pulumi.asset.FileArchive(folder),
      // Into a folder that is always there, and so never once as it and once below it.
      remotePath: ".",
      triggers: [machine.incarnation],
    },
    { ...over(machine, opts), customTimeouts: { create: limit, update: limit }, deletedWith: machine.resource },
  );
}

/** The classes of the provider make fifteen outputs of each connection that they are given: more than all else of a command on one of 1,000 machines. */
const laterGiven: command.types.input.remote.ConnectionArgs = { host: "" };

/** Options with the connection to the machine, which its commands share. */
function over(machine: MachineAccess, opts: pulumi.CustomResourceOptions, awaitSsh = false): pulumi.CustomResourceOptions {
  const connect: pulumi.ResourceTransformation = ({ props, opts: own }) => ({
    props: { ...props, connection: connection(machine, awaitSsh) },
    opts: own,
  });
  return { ...opts, transformations: [connect, ...(opts.transformations ?? [])] };
}

const known = new WeakMap<MachineAccess, Map<boolean, pulumi.Output<command.types.input.remote.ConnectionArgs>>>();

function connection(machine: MachineAccess, awaitSsh: boolean): pulumi.Output<command.types.input.remote.ConnectionArgs> {
  const connections = known.get(machine) ?? new Map<boolean, pulumi.Output<command.types.input.remote.ConnectionArgs>>();
  known.set(machine, connections);
  const made =
    connections.get(awaitSsh) ??
    (pulumi.secret({
      host: machine.address,
      port: machine.port,
      user: machine.user,
      privateKey: machine.privateKey,
      hostKey: machine.hostKey,
      // Refused connections are retried; -1 leaves the end of it to the timeout.
      dialErrorLimit: awaitSsh ? -1 : 20,
      perDialTimeout: 15,
    }) as pulumi.Output<command.types.input.remote.ConnectionArgs>);
  connections.set(awaitSsh, made);
  return made;
}

function triggers({ machine, remove, removeFor, rerun }: MachineCommandArgs): pulumi.Input<string>[] | undefined {
  if (remove !== undefined) {
    return removeFor === undefined ? undefined : [removeFor];
  }
  return rerun === undefined ? [machine.incarnation] : [machine.incarnation, rerun];
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { TaskServersSettings } from "../../settings/task-servers";
import type { Images } from "../core/images";
import type { MachineAccess } from "../core/machine-access";
import { goingWith } from "../kubernetes/namespace";
import { labelsOf } from "../kubernetes/workload";
import { uuidFrom } from "./account-key";
import { type Account, accountsOf, credentialsOf, renderAccounts } from "./accounts";
import { serviceNames } from "./certificates";
import { composeFiles } from "./compose";
import { GATE_METRICS_PORT } from "./gate";
import { TaskPki } from "./task-pki";
import { NOBODY, TASKCHAMPION_PORT, TASKCHAMPION_TLS_PORT, TaskChampion, usesGate } from "./taskchampion";
import { Taskd } from "./taskd";
import { TASKD_PORT } from "./taskd-config";
import type { ClientFile, UserAccess } from "./taskrc";

export interface TaskServersArgs {
  provider: kubernetes.Provider;
  images: Images;
  settings: TaskServersSettings;
  /** Where the load balancer answers: their addresses go into the servers' certificate. */
  machines: readonly Pick<MachineAccess, "name" | "address">[];
}

/**
 * The servers that Taskwarrior syncs with, their users and their certificates.
 *
 * A user's key is random and held by the stack: it stays the same when the user is renamed, moves to another
 * organisation, is suspended or removed, and with it the user's tasks.
 */
export class TaskServers extends pulumi.ComponentResource {
  /** By `organisation/user`, for active users: all that a client needs. A secret. */
  readonly users: pulumi.Output<Record<string, UserAccess>>;
  /** `address:port` of taskd. */
  readonly taskd?: pulumi.Output<string>;
  /** URL of TaskChampion's sync server, and what each user encrypts with. */
  readonly champion?: { url: pulumi.Output<string>; secrets: Readonly<Record<string, pulumi.Output<string>>> };
  /** PEM of the authority's certificate. */
  readonly authority: pulumi.Output<string>;
  /** The same servers for Docker or Podman on one machine, as files; a secret. */
  readonly compose: pulumi.Output<ClientFile[]>;
  /** What monitoring has to know: where the servers run, and when which certificate ends (RFC 3339). */
  readonly monitored: {
    namespace: string;
    servers: string[];
    /** `host:port` of the metrics of what stands in front of them, by server. */
    gates: Record<string, string>;
    certificates: pulumi.Output<Record<string, string>>;
  };

  constructor(name: string, args: TaskServersArgs, opts?: pulumi.ComponentResourceOptions) {
    // What is given here lies in the state in clear; the settings may hold an authority's private key.
    const going = goingWith(() => namespace);
    super("homelab:taskserver:TaskServers", name, { namespace: args.settings.namespace }, pulumi.mergeOptions(opts, going));
    const { settings, machines, provider, images } = args;
    const accounts = accountsOf(settings);

    const keys = this.keysOf(name, accounts);
    const pki = new TaskPki(
      `${name}-pki`,
      {
        certificates: settings.certificates,
        accounts,
        names: serverNames(settings, machines),
        addresses: pulumi.all(machines.map(({ address }) => address)).apply((all) => serverAddresses(settings, all)),
      },
      { parent: this },
    );
    this.authority = pki.authority;

    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: settings.namespace,
          labels: { ...labelsOf(settings.namespace, "task-servers"), "pod-security.kubernetes.io/enforce": "restricted" },
        },
      },
      { parent: this, provider },
    );

    if (settings.taskd.enabled) {
      const taskd = new Taskd(
        `${name}-taskd`,
        {
          provider,
          images,
          namespace: namespace.metadata.name,
          settings: settings.taskd,
          backup: settings.backup,
          authority: pki.authority,
          server: pki.server,
          revocations: pki.revocations,
          accounts: pulumi.output(keys).apply((known) => renderAccounts(settings, known)),
        },
        { parent: this },
      );
      this.taskd = this.addressOf(args, taskd);
    }

    if (settings.taskchampion.enabled) {
      this.champion = this.addChampion(name, args, namespace, accounts, pki, keys);
    }

    const active = accounts.filter((account) => isActive(settings, account));
    const champion = settings.taskchampion.enabled && settings.taskchampion.replicas > 0;
    const gated = [...(settings.taskd.enabled ? ["taskd"] : []), ...(champion && usesGate(settings.taskchampion) ? ["taskchampion"] : [])];
    this.monitored = {
      namespace: settings.namespace,
      gates: Object.fromEntries(gated.map((server) => [server, `${server}-metrics.${settings.namespace}.svc:${GATE_METRICS_PORT}`])),
      servers: [...(settings.taskd.enabled ? ["taskd"] : []), ...(champion ? ["taskchampion"] : [])],
      certificates: endsOf({
        authority: pki.authorityEnd,
        server: pki.server.end,
        ...Object.fromEntries(active.map(({ id }) => [id, pki.clients[id].end])),
      }),
    };
    this.compose = this.composeOf(args, pki, keys, active);
    this.users = pulumi.secret(
      pulumi.output(Object.fromEntries(active.map((account) => [account.id, this.access(args, account, keys, pki)]))),
    );
    this.registerOutputs({ users: this.users, taskd: this.taskd, authority: this.authority });
  }

  private keysOf(name: string, accounts: readonly Account[]): Record<string, pulumi.Output<string>> {
    return Object.fromEntries(
      accounts.map((account) => {
        const seed = new random.RandomPassword(
          `${name}-key-${account.id}`,
          { length: 32, special: false },
          { parent: this, aliases: account.formerIds.map((id) => ({ name: `${name}-key-${id}` })) },
        );
        return [account.id, pulumi.secret(seed.result).apply(uuidFrom)];
      }),
    );
  }

  /** The client id of a user is its key: as random, as stable, and as secret. */
  private addChampion(
    name: string,
    args: TaskServersArgs,
    namespace: kubernetes.core.v1.Namespace,
    accounts: readonly Account[],
    pki: TaskPki,
    keys: Record<string, pulumi.Output<string>>,
  ): NonNullable<TaskServers["champion"]> {
    const { settings, machines, provider, images } = args;
    const secrets = Object.fromEntries(
      accounts.map((account) => {
        const secret = new random.RandomPassword(
          `${name}-encryption-${account.id}`,
          { length: 40, special: false },
          { parent: this, aliases: account.formerIds.map((id) => ({ name: `${name}-encryption-${id}` })) },
        );
        return [account.id, pulumi.secret(secret.result)];
      }),
    );
    const allowed = accounts.filter((account) => isActive(settings, account));
    const champion = new TaskChampion(
      `${name}-taskchampion`,
      {
        provider,
        images,
        namespace: namespace.metadata.name,
        settings: settings.taskchampion,
        backup: settings.backup,
        clientIds: pulumi.all(allowed.map(({ id }) => keys[id])),
        server: pki.server,
      },
      { parent: this },
    );
    const { ingress, service } = settings.taskchampion;
    const host = settings.hostname ?? machines[0].address;
    const [scheme, open] = usesGate(settings.taskchampion) ? ["https", TASKCHAMPION_TLS_PORT] : ["http", TASKCHAMPION_PORT];
    const port = service === "NodePort" ? champion.service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(open);
    const inside = `${scheme}://${serviceNames("taskchampion", settings.namespace)[0]}:${open}`;
    const outside = pulumi.interpolate`${scheme}://${host}:${port}`;
    const url = ingress ? `https://${ingress.hostname}` : service === "ClusterIP" ? inside : outside;
    return { url: pulumi.output(url), secrets };
  }

  private composeOf(args: TaskServersArgs, pki: TaskPki, keys: Record<string, pulumi.Output<string>>, active: readonly Account[]) {
    const { certificate, privateKey } = pki.server;
    const pems = pulumi.all([pki.authority, certificate, privateKey, pki.revocations ?? ""]);
    return pulumi.secret(
      pulumi.all([pulumi.output(keys), pems]).apply(([keysById, [authority, serverCertificate, serverKey, revocations]]) => {
        const ids = active.map(({ id }) => keysById[id]);
        return composeFiles(args.settings, {
          images: {
            taskd: args.settings.taskd.enabled ? args.images.ref("taskd") : "",
            "taskchampion-sync-server": args.images.ref("taskchampion-sync-server"),
            haproxy: args.images.ref("haproxy"),
          },
          keys: keysById,
          clientIds: ids.length > 0 ? ids : [NOBODY],
          authority,
          server: { certificate: serverCertificate, privateKey: serverKey },
          revocations: revocations || undefined,
        });
      }),
    );
  }

  private addressOf(args: TaskServersArgs, taskd: Taskd): pulumi.Output<string> {
    const { settings, machines } = args;
    if (settings.taskd.service === "ClusterIP") {
      return pulumi.output(`${settings.hostname ?? serviceNames("taskd", settings.namespace)[0]}:${TASKD_PORT}`);
    }
    const host = pulumi.output(settings.hostname ?? settings.taskd.address ?? machines[0].address);
    const port =
      settings.taskd.service === "NodePort" ? taskd.service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(TASKD_PORT);
    return pulumi.interpolate`${host}:${port}`;
  }

  private access(
    args: TaskServersArgs,
    account: Account,
    keys: Record<string, pulumi.Output<string>>,
    pki: TaskPki,
  ): pulumi.Input<UserAccess> {
    const client = pki.clients[account.id];
    return {
      user: account.user,
      organisation: account.organisation,
      taskd: this.taskd && {
        server: this.taskd,
        credentials: keys[account.id].apply((key) => credentialsOf(account, key)),
        ca: pki.authority,
        certificate: client.certificate,
        key: client.privateKey,
      },
      taskchampion: this.champion && {
        url: this.champion.url,
        clientId: keys[account.id],
        encryptionSecret: this.champion.secrets[account.id],
        ca: args.settings.taskchampion.ingress || args.settings.taskchampion.tls ? pki.authority : undefined,
      },
    } as pulumi.Input<UserAccess>;
  }
}

/** Names in the servers' certificate, what clients use first. */
export function serverNames(settings: TaskServersSettings, machines: readonly { name: string }[]): string[] {
  return [
    ...(settings.hostname ? [settings.hostname] : []),
    ...settings.alternativeNames,
    ...(settings.taskchampion.ingress ? [settings.taskchampion.ingress.hostname] : []),
    ...serviceNames("taskd", settings.namespace),
    ...(settings.taskchampion.enabled ? serviceNames("taskchampion", settings.namespace) : []),
    ...machines.map(({ name }) => name),
  ];
}

export function serverAddresses(settings: TaskServersSettings, machines: readonly string[]): string[] {
  return [...new Set([...(settings.taskd.address ? [settings.taskd.address] : []), ...machines])];
}

/** Whether an account can sync: neither it nor its organisation is suspended. */
export function isActive(settings: TaskServersSettings, account: Account): boolean {
  const organisation = settings.organisations.find((entry) => entry.name === account.organisation);
  return account.state === "active" && organisation?.state === "active";
}

/** A record of outputs as an output of a record. */
function endsOf(ends: Record<string, pulumi.Output<string>>): pulumi.Output<Record<string, string>> {
  const names = Object.keys(ends);
  return pulumi
    .all(names.map((name) => ends[name]))
    .apply((values) => Object.fromEntries(values.map((value, index) => [names[index], value])));
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Images, imagesOf } from "../core/images";
import { withTransform } from "../core/transform";
import type { Watched } from "../core/watched";
import { goingWith } from "../kubernetes/namespace";
import { defaultDeny } from "../kubernetes/policy";
import { loadBalancerAddress } from "../kubernetes/service";
import { labelsOf } from "../kubernetes/workload";
import { uuidFrom } from "./account-key";
import { type Account, accountsOf, credentialsOf, renderAccounts } from "./accounts";
import {
  type ReachableAt,
  type TaskChampionOptions,
  type TaskdOptions,
  type TaskServersArgs,
  type TaskServersOptions,
  withDefaults,
} from "./args";
import { serviceNames } from "./certificates";
import { composeFiles } from "./compose";
import { GATE_METRICS_PORT } from "./gate";
import { hasTools } from "./task-backup";
import { TaskPki } from "./task-pki";
import { NOBODY, TASKCHAMPION_PORT, TASKCHAMPION_TLS_PORT, TaskChampion, usesTls } from "./taskchampion";
import { Taskd } from "./taskd";
import { TASKD_PORT } from "./taskd-config";
import type { ClientFile, UserAccess } from "./taskrc";
import { taskServersWatched } from "./watched";

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
  readonly champion?: {
    /** URL for clients. */
    url: pulumi.Output<string>;
    /** Encryption secrets by `organisation/user`. */
    secrets: Readonly<Record<string, pulumi.Output<string>>>;
  };
  /** PEM of the authority's certificate. */
  readonly authority: pulumi.Output<string>;
  /** The same servers for Docker or Podman on one machine, as files; a secret. */
  readonly compose: pulumi.Output<ClientFile[]>;
  /** For `Monitoring`: readiness, queues, certificates and backups. */
  readonly watched: Watched;

  /** What it is made of, for options that this component does not offer. */
  readonly nodes: {
    /** All of it is in there. */
    namespace: kubernetes.core.v1.Namespace;
    /** The authority and the certificates. */
    pki: TaskPki;
    /** Undefined where it is left out. */
    taskd?: Taskd;
    /** Undefined where it is left out. */
    taskchampion?: TaskChampion;
  };

  private readonly settings: TaskServersOptions;
  private readonly reachableAt: ReachableAt;
  private readonly images: Images;

  /**
   * Makes the namespace, the certificates and the servers.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link TaskServersArgs}
   */
  constructor(name: string, args: TaskServersArgs, opts?: pulumi.ComponentResourceOptions) {
    const settings = withDefaults(args);
    // What is given here lies in the state in clear; the arguments may hold an authority's private key.
    const going = goingWith(() => namespace);
    const options = withTransform(pulumi.mergeOptions(opts, going), args.transform);
    super("homelab:taskserver:TaskServers", name, { namespace: settings.namespace }, options);
    const { provider, images = imagesOf({}), reachableAt } = args;
    this.settings = settings;
    this.reachableAt = reachableAt;
    this.images = images;
    const accounts = accountsOf(settings);
    const refused = accounts.filter((account) => !isActive(settings, account)).map(({ id }) => id);

    const keys = this.keysOf(name, accounts);
    const pki = new TaskPki(
      `${name}-pki`,
      {
        certificates: settings.certificates,
        authority: args.authority,
        accounts,
        names: serverNames(settings, reachableAt),
        addresses: serverAddresses(settings, reachableAt),
      },
      { parent: this },
    );
    this.authority = pki.authority;

    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: settings.namespace,
          labels: {
            ...labelsOf("", "task-servers"),
            "app.kubernetes.io/name": settings.namespace,
            "pod-security.kubernetes.io/enforce": "restricted",
          },
        },
      },
      { parent: this, provider },
    );
    defaultDeny(`${name}-default-deny`, { namespace: namespace.metadata.name, partOf: "task-servers" }, { parent: this, provider });

    const taskd =
      settings.taskd &&
      new Taskd(
        `${name}-taskd`,
        {
          provider,
          images,
          namespace: namespace.metadata.name,
          settings: settings.taskd,
          ownAddresses: reachableAt.ownAddresses !== undefined,
          backup: settings.backup,
          authority: pki.authority,
          server: pki.server,
          revocations: pki.revocations,
          refused,
          accounts: pulumi.output(keys).apply((known) => renderAccounts(settings, known)),
        },
        { parent: this },
      );
    this.taskd = taskd && settings.taskd && this.addressOf(settings.taskd, taskd);
    const taskchampion = settings.taskchampion && this.addChampion(name, provider, settings.taskchampion, namespace, accounts, pki, keys);
    this.champion = taskchampion && { url: taskchampion.url, secrets: taskchampion.secrets };
    this.nodes = { namespace, pki, taskd, taskchampion: taskchampion?.server };

    const active = accounts.filter((account) => isActive(settings, account));
    const champion = settings.taskchampion && settings.taskchampion.replicas > 0 ? settings.taskchampion : undefined;
    const gated = [...(taskd ? ["taskd"] : []), ...(champion ? ["taskchampion"] : [])];
    this.watched = taskServersWatched({
      namespace: settings.namespace,
      gates: pulumi
        .output(settings.namespace)
        .apply((space) => Object.fromEntries(gated.map((server) => [server, `${server}-metrics.${space}.svc:${GATE_METRICS_PORT}`]))),
      servers: gated,
      proven: provenServers(settings, images),
      certificates: endsOf({
        authority: pki.authorityEnd,
        server: pki.server.end,
        ...Object.fromEntries(active.map(({ id }) => [id, pki.clients[id].end])),
      }),
    });
    this.compose = this.composeOf(pki, keys, active);
    this.users = pulumi.secret(pulumi.output(Object.fromEntries(active.map((account) => [account.id, this.access(account, keys, pki)]))));
    // Not its secrets: the state has those of the users already, and of the stack's outputs.
    this.registerOutputs({
      taskd: this.taskd,
      taskchampion: this.champion?.url,
      authority: this.authority,
    });
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
    provider: kubernetes.Provider,
    options: TaskChampionOptions,
    namespace: kubernetes.core.v1.Namespace,
    accounts: readonly Account[],
    pki: TaskPki,
    keys: Record<string, pulumi.Output<string>>,
  ): NonNullable<TaskServers["champion"]> & { server: TaskChampion } {
    const { settings, images } = this;
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
        settings: options,
        backup: settings.backup,
        clientIds: pulumi.all(allowed.map(({ id }) => keys[id])),
        refused: accounts.filter((account) => !allowed.includes(account)).map(({ id }) => id),
        server: pki.server,
      },
      { parent: this },
    );
    const { ingress, service } = options;
    const [scheme, open] = usesTls(options) ? ["https", TASKCHAMPION_TLS_PORT] : ["http", TASKCHAMPION_PORT];
    const port = service === "NodePort" ? champion.service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(open);
    const inside = pulumi.output(settings.namespace).apply((space) => `${scheme}://${serviceNames("taskchampion", space)[0]}:${open}`);
    const outside = pulumi.interpolate`${scheme}://${this.host(champion.service, options)}:${port}`;
    const url = ingress ? pulumi.interpolate`https://${ingress.hostname}` : service === "ClusterIP" ? inside : outside;
    return { url: pulumi.output(url), secrets, server: champion };
  }

  private composeOf(pki: TaskPki, keys: Record<string, pulumi.Output<string>>, active: readonly Account[]) {
    const { certificate, privateKey } = pki.server;
    const pems = pulumi.all([pki.authority, certificate, privateKey, pki.revocations ?? ""]);
    return pulumi.secret(
      pulumi.all([pulumi.output(keys), pems]).apply(([keysById, [authority, serverCertificate, serverKey, revocations]]) => {
        const ids = active.map(({ id }) => keysById[id]);
        return composeFiles(this.settings, {
          images: {
            taskd: this.settings.taskd ? this.images.ref("taskd") : "",
            "taskchampion-sync-server": this.images.ref("taskchampion-sync-server"),
            haproxy: this.images.ref("haproxy"),
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

  /** What clients use: the name, the service's own address where it has one, or the first machine's. */
  private host(server: kubernetes.core.v1.Service, { service, address }: TaskdOptions | TaskChampionOptions): pulumi.Input<string> {
    const { hostname, hosts, ownAddresses } = this.reachableAt;
    const machine = hosts[0].address;
    const own = service === "LoadBalancer" && ownAddresses ? (address ?? loadBalancerAddress(server, machine)) : machine;
    return hostname ?? own;
  }

  private addressOf(options: TaskdOptions, taskd: Taskd): pulumi.Output<string> {
    const { hostname } = this.reachableAt;
    if (options.service === "ClusterIP") {
      const inside = pulumi.output(this.settings.namespace).apply((space) => serviceNames("taskd", space)[0]);
      return pulumi.interpolate`${hostname ?? inside}:${TASKD_PORT}`;
    }
    const port = options.service === "NodePort" ? taskd.service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(TASKD_PORT);
    return pulumi.interpolate`${this.host(taskd.service, options)}:${port}`;
  }

  private access(account: Account, keys: Record<string, pulumi.Output<string>>, pki: TaskPki): pulumi.Input<UserAccess> {
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
        ca: this.settings.taskchampion?.ingress || this.settings.taskchampion?.tls ? pki.authority : undefined,
      },
    } as pulumi.Input<UserAccess>;
  }
}

/** The servers whose archives are proven on a schedule. */
function provenServers({ taskd, taskchampion, backup }: TaskServersOptions, images: Images): string[] {
  return backup?.verify ? [...(taskd ? ["taskd"] : []), ...(taskchampion && hasTools(images) ? ["taskchampion"] : [])] : [];
}

/** Names in the servers' certificate, what clients use first. */
function serverNames({ namespace, taskchampion }: TaskServersOptions, { hostname, names, hosts }: ReachableAt): pulumi.Output<string[]> {
  const own = [...(hostname ? [hostname] : []), ...(names ?? []), ...(taskchampion?.ingress ? [taskchampion.ingress.hostname] : [])];
  return pulumi
    .all([pulumi.all(own), namespace])
    .apply(([given, space]) => [
      ...given,
      ...serviceNames("taskd", space),
      ...(taskchampion ? serviceNames("taskchampion", space) : []),
      ...hosts.map(({ name }) => name),
    ]);
}

/** What clients use where there is no name: every address of the pool, as the certificate is made before a service has its own. */
function serverAddresses({ taskd, taskchampion }: TaskServersOptions, { hostname, hosts, ownAddresses }: ReachableAt) {
  const balanced = [taskd, taskchampion].flatMap((server) => (server?.service === "LoadBalancer" ? [server] : []));
  const asked = balanced.flatMap(({ address }) => address ?? []);
  const pool = hostname === undefined && asked.length < balanced.length ? (ownAddresses ?? []) : [];
  const all = [...asked, ...pool, ...hosts.map(({ address }) => address)];
  return pulumi.all(all).apply((addresses) => [...new Set(addresses)]);
}

/** Whether an account can sync: neither it nor its organisation is suspended. */
function isActive(settings: TaskServersOptions, account: Account): boolean {
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

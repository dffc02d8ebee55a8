import { imagesOf } from "../components/core/images";
import { toSeconds } from "../components/core/notations";
import { Secret } from "../components/core/secret";
import type { AcmeArgs } from "../components/ingress/acme";
import type { IngressArgs } from "../components/ingress/args";
import { LOGIN_PATH, USER_HEADER } from "../components/ingress/login";
import type { PagesArgs } from "../components/ingress/pages";
import { ownAddresses } from "../components/k3s/address-pool";
import type { K3sCluster } from "../components/k3s/k3s-cluster";
import { fixedAddress } from "../components/maas/desired";
import type { PagesBehindLogin } from "../components/monitoring/args";
import { PORTS } from "../components/monitoring/ports";
import { START_PAGE_PORT, type StartPage } from "../components/start-page/start-page";
import { PAGE_NAMES } from "./ingress";
import type { Settings } from "./schema";

/** `homelab:ingress` and `homelab:domain` as arguments of several components. Pure. */

type Network = Settings["network"];

/** Pages that have a pod to answer. */
export function pagesOf({ monitoring }: Pick<Settings, "monitoring">): (typeof PAGE_NAMES)[number][] {
  const { enabled, alertmanager, grafana } = monitoring;
  const there = { grafana: grafana.enabled && grafana.replicas > 0, prometheus: true, alertmanager: alertmanager.enabled };
  return enabled ? PAGE_NAMES.filter((page) => there[page]) : [];
}

/** Where the start page is; it shows what monitoring knows. */
const HOME = "home";

/** Names of all pages. */
function pageNames(settings: Pick<Settings, "monitoring">): string[] {
  return [...pagesOf(settings), ...(settings.monitoring.enabled ? [HOME] : [])];
}

/** Names below the domain that lead to the ingress, and the task servers' where they are on the same addresses. */
export function namesOf(settings: Settings): string[] {
  return [...pageNames(settings), "login", ...(ownAddresses(settings.cluster) ? [] : ["tasks"])];
}

/** The name that the task servers have in addition. */
export function taskNames(settings: Settings): string[] {
  return settings.ingress.enabled && !ownAddresses(settings.cluster) ? [`tasks.${settings.domain}`] : [];
}

/** The machine or the address that the names lead to; a machine whose address MAAS chooses is known by its name only. */
export function ingressTarget(settings: Settings): { machine: string } | { address: string } {
  const { ingress, cluster, machines } = settings;
  const address = ingress.address ?? cluster.virtualAddress?.address;
  const owner = machines.find((machine) => address !== undefined && fixedAddress(machine) === address);
  const server = owner ?? machines.find(({ role }) => role === "server") ?? machines[0];
  return address !== undefined && owner === undefined ? { address } : { machine: server.name };
}

/**
 * The network with the domain of the pages. A name leads to a machine by an alias: MAAS would reserve an address that a record
 * names, and then refuse it to the machine.
 */
export function networkArgs(settings: Settings): Network & { furtherDomains?: NonNullable<Network["domain"]>[] } {
  const { network, ingress, domain, machines } = settings;
  if (!ingress.enabled) {
    return network;
  }
  const target = ingressTarget(settings);
  const machine = machines.find(({ name }) => "machine" in target && name === target.machine);
  const record =
    "address" in target
      ? { type: "A" as const, data: target.address }
      : { type: "CNAME" as const, data: `${target.machine}.${machine?.domain ?? "maas"}.` };
  const own = network.domain?.name === domain ? network.domain : undefined;
  const taken = new Set(own?.records.map(({ name }) => name));
  const records = namesOf(settings).flatMap((name) => (taken.has(name) ? [] : [{ name, ...record }]));
  return own
    ? { ...network, domain: { ...own, records: [...own.records, ...records] } }
    : { ...network, furtherDomains: [{ name: domain, authoritative: true, records }] };
}

/** Components of k3s to leave out: Traefik stays where it serves the pages. */
export function leftOut({ cluster, ingress }: Pick<Settings, "cluster" | "ingress">): Settings["cluster"]["disable"] {
  return ingress.enabled && ingress.className === "traefik" ? cluster.disable.filter((each) => each !== "traefik") : cluster.disable;
}

/** What monitoring has to know of the ingress. */
export function behindLogin({ ingress, domain, monitoring }: Settings): PagesBehindLogin | undefined {
  const urls = Object.fromEntries(pagesOf({ monitoring }).map((page) => [page, `https://${page}.${domain}`]));
  const { controllerNamespace } = ingress;
  return ingress.enabled ? { urls, controllerNamespace, userHeader: USER_HEADER, logout: `${LOGIN_PATH}/sign_out` } : undefined;
}

function acmeArgs({ server, email, lifetime, serverAuthority, dns }: NonNullable<Settings["ingress"]["certificates"]["acme"]>): AcmeArgs {
  return {
    server,
    email,
    lifetime,
    serverAuthority,
    dns: dns && {
      provider: dns.provider,
      environment: dns.environment,
      secrets: dns.secrets,
      resolvers: dns.resolvers,
      waitSeconds: dns.wait === undefined ? undefined : toSeconds(dns.wait),
    },
  };
}

/** `homelab:ingress` as the ingress's arguments. */
export function ingressArgs(settings: Settings, cluster: Pick<K3sCluster, "provider">): IngressArgs {
  const { ingress, domain } = settings;
  const { className, annotations, controllerNamespace, namespace, users, passwordGeneration, oidc } = ingress;
  const { acme, ...own } = ingress.certificates;
  return {
    provider: cluster.provider,
    domain,
    pages: pageNames(settings),
    className,
    annotations,
    controllerNamespace,
    address: ownAddresses(settings.cluster) ? ingress.address : undefined,
    login: {
      users,
      passwordGeneration,
      oidc: oidc && {
        ...oidc,
        clientSecret: Secret.isInstance(oidc.clientSecret) ? oidc.clientSecret : new Secret(oidc.clientSecret as string),
      },
    },
    certificates: own,
    acme: acme && acmeArgs(acme),
    namespace,
    images: imagesOf(settings.images),
  };
}

/** The pages of monitoring's services, and the start page, which asks two of them below its own name. */
export function pageArgs(
  settings: Settings,
  parts: {
    cluster: Pick<K3sCluster, "provider">;
    ingress: { access: PagesArgs["ingress"] };
    monitoring: { namespace: PagesArgs["namespace"] };
    startPage: Pick<StartPage, "service">;
  },
): PagesArgs {
  const pages = pagesOf(settings);
  const apis = { prometheus: "/api/v1", alertmanager: "/api/v2" } as const;
  const further = (["prometheus", "alertmanager"] as const)
    .filter((page) => pages.includes(page))
    .map((page) => ({ path: apis[page], service: page, port: PORTS[page] }));
  return {
    provider: parts.cluster.provider,
    ingress: parts.ingress.access,
    namespace: parts.monitoring.namespace,
    pages: [
      ...pages.map((name) => ({ name, service: name, port: PORTS[name] })),
      { name: HOME, service: parts.startPage.service.metadata.name, port: START_PAGE_PORT, further },
    ],
  };
}

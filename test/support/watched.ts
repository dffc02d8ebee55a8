import type { RuleGroup, ScrapeJob, Watched } from "../../components/core/watched";
import { ingressWatched } from "../../components/ingress/watched";
import { clusterWatched } from "../../components/k3s/watched";
import { maasWatched } from "../../components/maas/watched";
import { withDefaults } from "../../components/monitoring/args";
import { everything, rulesByFile } from "../../components/monitoring/watched";
import { taskServersWatched } from "../../components/taskserver/watched";
import { settled } from "./mocks";

/** What a stack has. */
export interface Has {
  kubeStateMetrics: boolean;
  etcd: boolean;
  maas: boolean;
  clusterBackups?: number;
  taskServers?: { namespace: string; servers: readonly string[] };
  /** Whether its pages have names and certificates. */
  ingress?: boolean;
  /** RFC 3339. */
  certificates?: Readonly<Record<string, string>>;
}

/** All that is watched in a stack that has these things. */
export function watchedIn({
  kubeStateMetrics,
  etcd,
  maas,
  clusterBackups,
  taskServers,
  ingress = true,
  certificates = {},
}: Has): Watched[] {
  const options = withDefaults({ kubeStateMetrics: kubeStateMetrics ? {} : false });
  return everything(options, {
    watch: [
      ...(taskServers ? [taskServersWatched({ ...taskServers, proven: taskServers.servers, gates: {}, certificates })] : []),
      ...(ingress ? [ingressWatched({ pages: Object.values(certificates)[0] ?? "2100-01-01T00:00:00Z" })] : []),
      clusterWatched({ etcd, backupsEvery: clusterBackups, verifyEvery: clusterBackups && 7 * 86400 }),
      ...(maas ? [maasWatched({ url: "http://192.168.200.1:5240/MAAS" })] : []),
    ],
  });
}

/** The rule files that Prometheus gets, by name. */
export async function ruleFiles(has: Has): Promise<Record<string, RuleGroup[]>> {
  const files = [...rulesByFile(watchedIn(has))];
  return Object.fromEntries(await Promise.all(files.map(async ([name, groups]) => [name, (await settled(groups)).value])));
}

/** The jobs that are known without a cluster. */
export function jobs(watched: readonly Watched[]): ScrapeJob[] {
  return watched.flatMap(({ scrape }) => (Array.isArray(scrape) ? (scrape as ScrapeJob[]) : []));
}

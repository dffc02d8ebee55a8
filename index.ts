import { guards, Ingress, K3sCluster, MaasRegion, Monitoring, Pages, StartPage, TaskServers } from "./components/index";
import { clusterArgs, guardArgs, monitoringArgs, regionArgs, taskServersArgs } from "./settings/args";
import { goneWith } from "./settings/gone-with-the-cluster";
import { ingressArgs, pageArgs } from "./settings/ingress-args";
import { leanSdk } from "./settings/lean-sdk";
import { loadSettings } from "./settings/load";
import { makeMachines } from "./settings/make-machines";
import { outputs } from "./settings/outputs";
import { startPageArgs } from "./settings/start-page-args";

leanSdk();
const settings = loadSettings();
const options = { transformations: guards(guardArgs(settings)) };

const region = new MaasRegion("maas", regionArgs(settings), options);
const machines = makeMachines(settings, region, options);
const cluster = new K3sCluster("k3s", clusterArgs(settings, machines), options);
const inCluster = { transformations: [...options.transformations, ...goneWith(cluster, settings)] };
const tasks = new TaskServers("tasks", taskServersArgs(settings, cluster, machines), inCluster);
const ingress = settings.ingress.enabled ? new Ingress("ingress", ingressArgs(settings, cluster), inCluster) : undefined;
const parts = { region, machines, cluster, tasks, ingress };
const monitoring = settings.monitoring.enabled ? new Monitoring("monitoring", monitoringArgs(settings, parts), inCluster) : undefined;
const startPage =
  ingress && monitoring
    ? new StartPage("monitoring-home", startPageArgs(settings, { cluster, machines, monitoring }), inCluster)
    : undefined;
const pages =
  ingress && monitoring && startPage
    ? new Pages("pages", pageArgs(settings, { cluster, ingress, monitoring, startPage }), inCluster)
    : undefined;

export = outputs({ settings, monitoring, pages, ...parts });

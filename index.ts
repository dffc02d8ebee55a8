import { guards, K3sCluster, MaasRegion, Monitoring, TaskServers } from "./components/index";
import { clusterArgs, guardArgs, monitoringArgs, regionArgs, taskServersArgs } from "./settings/args";
import { loadSettings } from "./settings/load";
import { makeMachines } from "./settings/make-machines";
import { outputs } from "./settings/outputs";

const settings = loadSettings();
const options = { transformations: guards(guardArgs(settings)) };

const region = new MaasRegion("maas", regionArgs(settings), options);
const machines = makeMachines(settings, region, options);
const cluster = new K3sCluster("k3s", clusterArgs(settings, machines), options);
const tasks = new TaskServers("tasks", taskServersArgs(settings, cluster, machines), options);
const parts = { region, machines, cluster, tasks };
const monitoring = settings.monitoring.enabled ? new Monitoring("monitoring", monitoringArgs(settings, parts), options) : undefined;

export = outputs({ settings, monitoring, ...parts });

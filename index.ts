import { guards, K3sCluster, loadSettings, Monitoring, outputs, TaskServers } from "./components";
import { environments } from "./environments";
import { clusterArgs, monitoringArgs, taskServersArgs } from "./settings/args";

const settings = loadSettings();
const guarded = { transformations: guards(settings) };

const { machines, region, apiKey } = environments[settings.environment](settings, guarded);
const cluster = new K3sCluster("k3s", clusterArgs(settings, machines), guarded);
const tasks = new TaskServers("tasks", taskServersArgs(settings, cluster, machines), guarded);
const parts = { cluster, tasks, machines, apiKey };
const monitoring = settings.monitoring.enabled ? new Monitoring("monitoring", monitoringArgs(settings, parts), guarded) : undefined;

export = outputs({ settings, region, machines, cluster, monitoring, taskServers: tasks });

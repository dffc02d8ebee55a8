import { guards, imagesOf, K3sCluster, loadSettings, Monitoring, otherMachines, outputs, TaskServers } from "./components";
import { environments } from "./environments";
import { taskServersArgs } from "./settings/args";

const settings = loadSettings();
const images = imagesOf(settings.images);
const guarded = { transformations: guards(settings) };

const { machines, region, apiKey } = environments[settings.environment](settings, guarded);
const cluster = new K3sCluster("k3s", { machines, images, settings }, guarded);
const { provider } = cluster;
const taskServers = new TaskServers("tasks", taskServersArgs(settings, cluster, machines), guarded);
const watched = {
  provider,
  images,
  machines,
  otherMachines: otherMachines(settings, apiKey),
  settings: settings.monitoring,
  etcd: cluster.etcd,
  clusterBackups: cluster.backupsEvery,
  maasUrl: settings.maas.url,
  taskServers: taskServers.monitored,
};
const monitoring = settings.monitoring.enabled ? new Monitoring("monitoring", watched, guarded) : undefined;

export = outputs({ settings, region, machines, cluster, monitoring, taskServers });

import { imagesOf, K3sCluster, loadSettings, Monitoring, otherMachines, outputs, TaskServers } from "./components";
import { environments } from "./environments";

const settings = loadSettings();
const images = imagesOf(settings.images);

const machines = environments[settings.environment](settings);
const cluster = new K3sCluster("k3s", { machines, images, settings });
const { provider } = cluster;
const taskServers = new TaskServers("tasks", { provider, images, machines, settings: settings.taskServers });
const watched = {
  provider,
  images,
  machines,
  otherMachines: otherMachines(settings),
  settings: settings.monitoring,
  etcd: cluster.etcd,
  clusterBackups: cluster.backupsEvery,
  maasUrl: settings.maas.url,
  taskServers: taskServers.monitored,
};
const monitoring = settings.monitoring.enabled ? new Monitoring("monitoring", watched) : undefined;

export = outputs({ settings, machines, cluster, monitoring, taskServers });

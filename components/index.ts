/** The face of this library: components, their arguments, and what those are made of. */

export { type ExistingMachineArgs, existingMachine } from "./core/existing-machine";
export type { ImageName, Images } from "./core/images";
export { imagesOf } from "./core/images";
export type { MachineAccess, MachineRole } from "./core/machine-access";
export type { Duration, Size } from "./core/notations";
export { Secret, type SecretInput } from "./core/secret";
export type { Transform } from "./core/transform";
export { formatProblem, isUserError, type Problem, UserError } from "./core/user-error";
export {
  type AlertRule,
  type DashboardSpec,
  dashboard,
  inCluster,
  onMachines,
  type PanelSpec,
  type RecordingRule,
  type RuleGroup,
  type ScrapeJob,
  type Watched,
  type WatchedDashboard,
  type WatchPlace,
} from "./core/watched";
export { type GuardArgs, guards } from "./guards/guards";
export type { IngressAccess, IngressArgs } from "./ingress/args";
export { Ingress } from "./ingress/ingress";
export { Pages, type PagesArgs } from "./ingress/pages";
export type { K3sClusterArgs, NodeArgs } from "./k3s/args";
export { K3sCluster } from "./k3s/k3s-cluster";
export type { MaasAccess, MaasMachineArgs, MaasRegionArgs } from "./maas/args";
export { MaasMachine } from "./maas/machine";
export { MaasRegion } from "./maas/region";
export type { MeasuredMachine, MonitoringArgs, PagesBehindLogin, ReceiverArgs } from "./monitoring/args";
export { withNodeExporter } from "./monitoring/machine-exporter";
export { Monitoring } from "./monitoring/monitoring";
export type { OrganisationArgs, TaskServersArgs } from "./taskserver/args";
export { TaskServers } from "./taskserver/task-servers";

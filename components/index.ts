/** The face of this library: components, their arguments, and what those are made of. */

export { type ExistingMachineArgs, existingMachine } from "./core/existing-machine";
export type { ImageName, Images, ImageTable } from "./core/images";
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
  type Relabel,
  type RuleGroup,
  type ScrapeJob,
  type Severity,
  type Watched,
  type WatchedDashboard,
  type WatchPlace,
} from "./core/watched";
export { type GuardArgs, guards } from "./guards/guards";
export type { AcmeArgs, DnsChallengeArgs } from "./ingress/acme";
export type { IngressAccess, IngressArgs, LoginOptions, OidcArgs, PageCertificateOptions } from "./ingress/args";
export { Ingress } from "./ingress/ingress";
export { Pages, type PagesArgs } from "./ingress/pages";
export type {
  AddressPoolArgs,
  BackupOptions,
  Checksums,
  ClusterNetworkOptions,
  ExternalDatastore,
  ExtraConfig,
  K3sClusterArgs,
  MirrorSource,
  NodeArgs,
  OnlineSource,
  PackagedComponent,
  RegistriesOptions,
  S3Args,
  StorageOptions,
  TimeoutOptions,
  UpdateOptions,
  VirtualAddressArgs,
  Weekday,
} from "./k3s/args";
export { K3sCluster } from "./k3s/k3s-cluster";
export type { MaasAccess, MaasEndpoint, RepairOptions, WaitOptions } from "./maas/args/access";
export type { InstallArgs, SshHostArgs } from "./maas/args/installation";
export type { AnyInterface, InterfaceArgs, LinkArgs } from "./maas/args/interfaces";
export type { CommissioningOptions, ComposeArgs, MaasMachineArgs, PowerArgs } from "./maas/args/machine";
export type { DomainArgs, NetworkOptions, RangeArgs } from "./maas/args/network";
export type { CurtinArgs, PreseedArgs } from "./maas/args/preseed";
export type { DefaultsArgs, ImagesArgs, ScriptArgs, VmHostArgs } from "./maas/args/region";
export type { DiskArgs, FilesystemArgs, RaidArgs, StorageArgs, VolumeArgs, VolumeGroupArgs } from "./maas/args/storage";
export type { CommandArgs, SshOptions, UserDataOptions } from "./maas/args/user-data";
export { MaasMachine } from "./maas/machine";
export { MaasRegion, type MaasRegionArgs } from "./maas/region";
export type {
  AlertmanagerOptions,
  AnyReceiver,
  GrafanaOptions,
  KubeStateMetricsOptions,
  MeasuredMachine,
  MonitoringArgs,
  PagesBehindLogin,
  PrometheusOptions,
  ReceiverArgs,
  ScrapedMachine,
  ServiceType,
} from "./monitoring/args";
export { type ExporterUserData, withNodeExporter } from "./monitoring/machine-exporter";
export { Monitoring } from "./monitoring/monitoring";
export type { BackupEntry, ServiceEntry, StartPageData } from "./start-page/data";
export { StartPage, type StartPageArgs } from "./start-page/start-page";
export type {
  AccountState,
  AuthorityArgs,
  CertificateOptions,
  ObjectStorageArgs,
  OrganisationArgs,
  ReachableAt,
  TaskBackupOptions,
  TaskChampionOptions,
  TaskdOptions,
  TaskServersArgs,
  UserArgs,
} from "./taskserver/args";
export { TaskServers } from "./taskserver/task-servers";
export type { ClientFile, TaskChampionAccess, TaskdAccess, UserAccess } from "./taskserver/taskrc";

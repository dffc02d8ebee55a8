/**
 * Arguments of the library that take no output, and why. A path stands for all below it; `[]` is any entry of a list, `*` any key. The types are
 * held to this list in the test of the packed library; `test/unit/maas/inputs.test.ts` hands all others of MAAS's over as outputs.
 */
const reasons = {
  "names a resource, an object in the cluster or an account": `
    IngressArgs.login.users[]
    IngressArgs.pages[]
    K3sClusterArgs.nodes[].machine.name
    MaasRegionArgs.groups
    MaasRegionArgs.network.furtherDomains[].name
    MaasRegionArgs.network.reservedAddresses[].address
    MaasRegionArgs.network.staticRoutes[].destination
    MaasRegionArgs.sshKeys[]
    MaasRegionArgs.vmHosts[].name
    MonitoringArgs.alertmanager.receivers[].name
    MonitoringArgs.machines[].access.name
    MonitoringArgs.machines[].name
    MonitoringArgs.watch[].dashboard.title
    MonitoringArgs.watch[].dashboard.uid
    MonitoringArgs.watch[].name
    PagesArgs.pages[].name
    TaskServersArgs.organisations[]
    TaskServersArgs.reachableAt.hosts[].name`,
  "names a file that the program reads or writes": `
    K3sClusterArgs.source.imageArchives[]
    MaasMachineArgs.region.scripts.*
    MaasRegionArgs.preseeds[].architecture
    MaasRegionArgs.preseeds[].file
    MaasRegionArgs.preseeds[].node
    MaasRegionArgs.preseeds[].os
    MaasRegionArgs.preseeds[].prefix
    MaasRegionArgs.preseeds[].release
    MaasRegionArgs.preseeds[].subarchitecture
    MaasRegionArgs.scripts[]`,
  "identifies a machine": `
    MaasMachineArgs.compose
    MaasMachineArgs.macAddresses[]
    MaasMachineArgs.name`,
  "decides which resources there are, or which a preview shows as replaced": `
    IngressArgs.className
    IngressArgs.login.passwordGeneration
    K3sClusterArgs.datastore
    K3sClusterArgs.disable[]
    K3sClusterArgs.generations
    K3sClusterArgs.nodes[].losesVolumes
    K3sClusterArgs.nodes[].role
    MaasRegionArgs.keep[]
    MaasRegionArgs.network.dhcp
    MaasRegionArgs.network.reservedRanges[].end
    MaasRegionArgs.network.reservedRanges[].start
    MonitoringArgs.grafana.passwordGeneration
    MonitoringArgs.grafana.replicas
    MonitoringArgs.grafana.service
    MonitoringArgs.kubeStateMetrics.replicas
    MonitoringArgs.machines[].role
    MonitoringArgs.nodeExporter
    MonitoringArgs.ownAddresses
    MonitoringArgs.prometheus.service
    MonitoringArgs.alertmanager.service
    TaskServersArgs.taskchampion.replicas
    TaskServersArgs.taskchampion.service
    TaskServersArgs.taskchampion.tls
    TaskServersArgs.taskd.nodePort
    TaskServersArgs.taskd.service`,
  "is the size of a volume, and another may be another volume": `
    MonitoringArgs.prometheus.storage
    TaskServersArgs.backup.storage
    TaskServersArgs.taskchampion.storage
    TaskServersArgs.taskd.storage`,
  "tells variants of the arguments apart; false leaves a part out": `
    K3sClusterArgs.backups=
    K3sClusterArgs.source.source
    K3sClusterArgs.virtualAddress.provider
    MaasMachineArgs.interfaces[].links[].defaultGateway
    MaasMachineArgs.interfaces[].type
    MaasMachineArgs.storage.layout
    MonitoringArgs.alertmanager.receivers[].severity
    MonitoringArgs.alertmanager.receivers[].type
    MonitoringArgs.alertmanager=
    MonitoringArgs.grafana=
    MonitoringArgs.kubeStateMetrics=
    TaskServersArgs.backup=
    TaskServersArgs.taskchampion=
    TaskServersArgs.taskd=`,
  "is the timeout of a resource": `
    K3sClusterArgs.timeouts
    MaasRegionArgs.install.wait`,
  "is checked, or made part of scripts and rules, while the program runs": `
    IngressArgs.acme
    IngressArgs.certificates
    K3sClusterArgs.backups.every
    K3sClusterArgs.backups.folder
    K3sClusterArgs.backups.keep
    K3sClusterArgs.backups.keepFor
    K3sClusterArgs.backups.verify
    K3sClusterArgs.updates
    K3sClusterArgs.extraConfig
    K3sClusterArgs.hardening
    K3sClusterArgs.name
    K3sClusterArgs.network.flannelBackend
    K3sClusterArgs.registries.hosts.*.tls
    K3sClusterArgs.registries.mirrors.*.rewrite
    K3sClusterArgs.secretsEncryption
    K3sClusterArgs.storage
    MonitoringArgs.alertmanager.groupInterval
    MonitoringArgs.alertmanager.groupWait
    MonitoringArgs.alertmanager.receivers[].requireTls
    MonitoringArgs.alertmanager.repeatInterval
    MonitoringArgs.ingress.logout
    MonitoringArgs.ingress.userHeader
    MonitoringArgs.patience
    MonitoringArgs.prometheus.memoryLimit
    MonitoringArgs.prometheus.retention
    MonitoringArgs.prometheus.scrapeInterval
    TaskServersArgs.backup.keep
    TaskServersArgs.backup.keepFor
    TaskServersArgs.backup.schedule
    TaskServersArgs.backup.verify
    TaskServersArgs.certificates
    TaskServersArgs.taskd.ipLog
    TaskServersArgs.taskd.queueSize
    TaskServersArgs.taskd.requestLimit
    TaskServersArgs.taskd.trust
    TaskServersArgs.taskd.verbosity`,
};

/** Each path, without what is below it where `=` ends it. */
export const plainArguments: readonly string[] = Object.values(reasons).flatMap((paths) => paths.trim().split(/\s+/));

/** Which entry of the list a path stands under, if any. */
export function plainArgument(path: string): string | undefined {
  return plainArguments.find((each) =>
    each.endsWith("=") ? path === each.slice(0, -1) : path === each || (/^[.[]/.test(path.slice(each.length)) && path.startsWith(each)),
  );
}

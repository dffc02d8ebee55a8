/** Machines, devices and controllers as the API shows them. */

import type { Events } from "../machine/events";
import type { NodeNetwork } from "../machine/network";
import { hardwareTestNames, ResultStatus, resultStatusNames, type ScriptSets } from "../machine/script-sets";
import { statusName } from "../machine/status";
import type { StorageLayouts } from "../machine/storage-layouts";
import type { Domain, Node, Pool, Zone } from "../state/model";
import type { World } from "../world";
import type { NetworkRenderer } from "./network";
import type { StorageRenderer } from "./storage";

const uri = (path: string) => `/MAAS/api/2.0/${path}`;
const nodeTypeNames = ["Machine", "Device", "Rack controller", "Region controller"];
const nodeTypePaths = ["machines", "devices", "rackcontrollers", "regioncontrollers"];

interface Needs extends World {
  network: NodeNetwork;
  events: Events;
  scripts: ScriptSets;
  layouts: StorageLayouts;
  render: { network: NetworkRenderer; storage: StorageRenderer };
}

export class NodeRenderer {
  constructor(private readonly maas: Needs) {}

  zone(zone: Zone) {
    return { name: zone.name, description: zone.description, id: zone.id, resource_uri: uri(`zones/${zone.name}/`) };
  }

  pool(pool: Pool) {
    return { name: pool.name, description: pool.description, id: pool.id, resource_uri: uri(`resourcepool/${pool.id}/`) };
  }

  domain(domain: Domain) {
    return {
      authoritative: domain.authoritative,
      ttl: domain.ttl,
      name: domain.name,
      resource_record_count: this.maas.dnsRecordCount(domain),
      id: domain.id,
      is_default: domain === this.maas.defaultDomain,
      resource_uri: uri(`domains/${domain.id}/`),
    };
  }

  private zoneOf(node: Node) {
    return this.maas.tables.zones.find((row) => row.id === node.zoneId)!;
  }

  private domainOf(node: Node) {
    return this.maas.tables.domains.find((row) => row.id === node.domainId)!;
  }

  fqdn(node: Node): string {
    return `${node.hostname}.${this.domainOf(node).name}`;
  }

  /** What every kind of node shows. */
  private common(node: Node) {
    const user = this.maas.tables.users.find((row) => row.id === node.ownerId);
    const workload = { ...node.ownerData };
    return {
      system_id: node.systemId,
      hostname: node.hostname,
      fqdn: this.fqdn(node),
      description: node.description,
      domain: this.domain(this.domainOf(node)),
      zone: this.zone(this.zoneOf(node)),
      node_type: node.nodeType,
      node_type_name: nodeTypeNames[node.nodeType],
      tag_names: [...node.tagNames].sort(),
      address_ttl: node.addressTtl,
      owner: user?.username ?? null,
      owner_data: workload,
      workload_annotations: workload,
      parent: node.parentId,
      ip_addresses: this.maas.network.ipAddresses(node),
      interface_set: this.maas.network.interfacesOf(node).map((card) => this.maas.render.network.interface(card)),
      resource_uri: uri(`${nodeTypePaths[node.nodeType]}/${node.systemId}/`),
    };
  }

  private tests(node: Node) {
    const { scripts } = this.maas;
    const testing = scripts.get(node.testingSet);
    const results = (testing?.results ?? []).filter((row) => !row.suppressed && row.status !== ResultStatus.aborted);
    const commissioning = scripts.get(node.commissioningSet);
    const shown: Record<string, unknown> = {};
    const show = (name: string, status: number) => {
      shown[`${name}_status`] = status;
      shown[`${name}_status_name`] = resultStatusNames[status];
    };
    show(
      "commissioning",
      node.nodeType === 3 ? 0 : commissioning ? (commissioning.results.length === 0 ? 0 : scripts.summary(commissioning.results)) : -1,
    );
    show("testing", scripts.summary(results));
    hardwareTestNames.forEach((name, hardwareType) => {
      show(`${name}_test`, scripts.summary(results.filter((row) => row.hardwareType === hardwareType)));
    });
    // Tests of single cards; none of the simulator's scripts are.
    show("interface_test", -1);
    return shown;
  }

  private hardware(node: Node) {
    const { message, action } = this.maas.events.status(node);
    return {
      architecture: node.architecture,
      cpu_count: node.cpuCount,
      cpu_speed: node.cpuSpeed,
      memory: node.memory,
      swap_size: node.swapSize,
      osystem: node.osystem,
      distro_series: node.distroSeries,
      power_type: node.powerType,
      power_state: node.powerState,
      status_action: action,
      status_message: message,
      hardware_uuid: node.hardwareUuid,
      hardware_info: node.hardwareInfo,
      current_commissioning_result_id: node.commissioningSet,
      current_testing_result_id: node.testingSet,
      current_installation_result_id: node.installationSet,
      ...this.tests(node),
    };
  }

  machine(node: Node) {
    const { network, render, tables, layouts } = this.maas;
    const boot = network.bootInterface(node);
    const disks = layouts.disksOf(node).map((disk) => render.storage.blockDevice(node, disk));
    const physical = disks.filter((disk) => disk.type === "physical");
    const bootDisk = layouts.bootDisk(node);
    const pool = tables.pools.find((row) => row.id === node.poolId);
    const group = (kind: string) => tables.filesystemGroups.filter((row) => row.nodeId === node.systemId && row.kind === kind);
    const host = tables.vmHosts.find((row) => row.id === node.podId);
    return {
      ...this.common(node),
      ...this.hardware(node),
      status: node.status,
      status_name: statusName(node.status),
      pool: pool ? this.pool(pool) : null,
      locked: node.locked,
      netboot: node.netboot,
      ephemeral_deploy: node.ephemeralDeploy,
      hwe_kernel: node.hweKernel,
      min_hwe_kernel: node.minHweKernel,
      bios_boot_method: node.biosBootMethod,
      error_description: node.errorDescription,
      disable_ipv4: false,
      enable_hw_sync: node.enableHwSync,
      enable_kernel_crash_dump: node.enableKernelCrashDump,
      is_dpu: node.isDpu,
      last_sync: null,
      next_sync: null,
      sync_interval: null,
      virtualmachine_id: node.composed?.id ?? null,
      pod: host ? { id: host.id, name: host.name, resource_uri: uri(`pods/${host.id}/`) } : null,
      default_gateways: { ipv4: network.defaultGateway(node), ipv6: { gateway_ip: null, link_id: null } },
      boot_interface: boot ? render.network.interface(boot) : null,
      boot_disk: disks.find((disk) => disk.id === bootDisk?.id) ?? null,
      blockdevice_set: disks,
      physicalblockdevice_set: physical,
      virtualblockdevice_set: disks.filter((disk) => disk.type === "virtual"),
      storage: physical.reduce((sum, disk) => sum + disk.size, 0) / 1e6,
      special_filesystems: node.specialFilesystems ?? [],
      volume_groups: group("lvm-vg").map((row) => ({ system_id: node.systemId, id: row.id, __incomplete__: true })),
      raids: group("raid").map((row) => ({ system_id: node.systemId, id: row.id, __incomplete__: true })),
      bcaches: group("bcache").map((row) => ({ system_id: node.systemId, id: row.id, __incomplete__: true })),
      cache_sets: tables.cacheSets
        .filter((row) => row.nodeId === node.systemId)
        .map((row) => ({ system_id: node.systemId, id: row.id, __incomplete__: true })),
      numanode_set: [{ index: 0, memory: node.hardwareUuid === null ? 0 : node.memory, cores: node.numaCores, hugepages_set: [] }],
    };
  }

  /** What a machine that announced itself without login gets to see. */
  enlisted(node: Node) {
    const { message, action } = this.maas.events.status(node);
    const { resource_uri: _zoneUri, ...zone } = this.zone(this.zoneOf(node));
    const { resource_uri: _domainUri, ...domain } = this.domain(this.domainOf(node));
    return {
      system_id: node.systemId,
      hostname: node.hostname,
      fqdn: this.fqdn(node),
      domain,
      architecture: node.architecture,
      power_type: node.powerType,
      power_state: node.powerState,
      zone,
      node_type: node.nodeType,
      status: node.status,
      status_name: statusName(node.status),
      status_action: action,
      status_message: message,
      resource_uri: uri(`machines/${node.systemId}/`),
    };
  }

  device(node: Node) {
    return this.common(node);
  }

  controller(node: Node) {
    const {
      owner: _owner,
      owner_data: _data,
      workload_annotations: _workload,
      parent: _parent,
      address_ttl: _ttl,
      ...common
    } = this.common(node);
    const { status_message: _message, ...hardware } = this.hardware(node);
    return { ...common, ...hardware, version: node.nodeType === 3 ? "3.7.3-18030-g.9122eee68" : null };
  }

  /** By kind of node. */
  node(node: Node) {
    return node.nodeType === 0 ? this.machine(node) : node.nodeType === 1 ? this.device(node) : this.controller(node);
  }
}

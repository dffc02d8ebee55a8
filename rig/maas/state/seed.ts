/** A fresh region: the objects that MAAS makes when it is initialised, plus the subnet and rack of the profile. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settings } from "../data/config-settings";
import type { RegionProfile } from "../options";
import { key, systemId } from "./ids";
import type { Database, Interface, Node, Script, Tables } from "./model";
import { Store } from "./store";

const unknownHardware = [
  "system_vendor",
  "system_product",
  "system_family",
  "system_version",
  "system_sku",
  "system_serial",
  "cpu_model",
  "mainboard_vendor",
  "mainboard_product",
  "mainboard_serial",
  "mainboard_version",
  "mainboard_firmware_vendor",
  "mainboard_firmware_date",
  "mainboard_firmware_version",
  "chassis_vendor",
  "chassis_type",
  "chassis_serial",
  "chassis_version",
];

export const nodeTypes = { machine: 0, device: 1, rack: 2, region: 3 } as const;

/** A node with every field at what MAAS puts there before anything is known. */
export function newNode(changes: Partial<Node> & Pick<Node, "hostname">, now: string): Node {
  return {
    systemId: systemId(),
    nodeType: nodeTypes.machine,
    domainId: 0,
    architecture: null,
    status: 0,
    previousStatus: 0,
    ownerId: null,
    description: "",
    poolId: 0,
    zoneId: 1,
    tagNames: [],
    powerType: "",
    powerParameters: {},
    powerState: "unknown",
    bmcId: null,
    locked: false,
    netboot: true,
    osystem: "",
    distroSeries: "",
    hweKernel: null,
    minHweKernel: "",
    errorDescription: "",
    cpuCount: 0,
    cpuSpeed: 0,
    memory: 0,
    swapSize: null,
    hardwareUuid: null,
    hardwareInfo: Object.fromEntries(unknownHardware.map((name) => [name, "Unknown"])),
    ownerData: {},
    agentName: "",
    enableSsh: false,
    ephemeralDeploy: false,
    enableHwSync: false,
    enableKernelCrashDump: false,
    biosBootMethod: null,
    bootInterfaceId: null,
    bootDiskId: null,
    gatewayLinkV4: null,
    parentId: null,
    podId: null,
    licenseKey: "",
    installRackd: false,
    installKvm: false,
    registerVmhost: false,
    commissioningSet: null,
    testingSet: null,
    installationSet: null,
    releaseSet: null,
    numaCores: [],
    layout: "",
    skipNetworking: false,
    skipStorage: false,
    storageConfigured: false,
    expires: null,
    installation: { userData: null, fetchedUserData: false, vendorData: null },
    eraseOnRelease: false,
    isDpu: false,
    addressTtl: null,
    acquired: false,
    created: now,
    ...changes,
  };
}

export function newInterface(changes: Partial<Interface> & Pick<Interface, "id" | "nodeId" | "name" | "macAddress">): Interface {
  return {
    type: "physical",
    vlanId: null,
    parentIds: [],
    enabled: true,
    params: {},
    tags: [],
    linkConnected: true,
    linkSpeed: 0,
    interfaceSpeed: 0,
    vendor: null,
    product: null,
    firmwareVersion: null,
    numaNode: 0,
    ...changes,
  };
}

interface BuiltinScript {
  name: string;
  type: number;
  hardware_type: number;
  title?: string;
  description?: string;
  parallel?: number;
  tags?: string[];
  timeout?: string;
  results?: unknown;
  parameters?: Record<string, unknown>;
  packages?: unknown;
  destructive?: boolean;
  may_reboot?: boolean;
  recommission?: boolean;
  apply_configured_networking?: boolean;
  for_hardware?: string[];
}

function builtinScripts(store: Store, created: string): Script[] {
  const rows = JSON.parse(readFileSync(join(__dirname, "..", "data", "builtin-scripts.json"), "utf8")) as BuiltinScript[];
  return rows.map((row) => ({
    id: store.nextId("scripts"),
    name: row.name,
    title: row.title ?? "",
    description: row.description ?? "",
    type: row.type,
    hardwareType: row.hardware_type,
    parallel: row.parallel ?? 0,
    tags: row.tags ?? [],
    timeout: row.timeout ?? "0:00:00",
    destructive: row.destructive ?? false,
    default: true,
    results: row.results ?? {},
    parameters: row.parameters ?? {},
    packages: row.packages ?? {},
    forHardware: row.for_hardware ?? [],
    mayReboot: row.may_reboot ?? false,
    recommission: row.recommission ?? false,
    applyConfiguredNetworking: row.apply_configured_networking ?? false,
    revisions: [
      {
        id: store.nextId("versionedText"),
        comment: "Created by maas-None",
        created,
        data: Buffer.from("#!/bin/sh\n# Part of MAAS; the simulator knows its name only.\n").toString("base64"),
      },
    ],
  }));
}

function bootResources(store: Store, profile: RegionProfile): void {
  for (const image of profile.images) {
    for (const architecture of image.architectures) {
      for (const kernel of ["ga", "hwe"]) {
        const id = store.nextId("bootResources");
        store.insert("bootResources", {
          id,
          name: image.name,
          type: "Synced",
          architecture: `${architecture}/${kernel}-${image.kernel}`,
          subarches: `generic,${kernel}-${image.kernel}`,
          lastDeployed: null,
          lastUpdated: null,
        });
      }
    }
  }
}

const emptyTables = (): Tables => ({
  users: [],
  tokens: [],
  sshKeys: [],
  zones: [],
  pools: [],
  spaces: [],
  tags: [],
  fabrics: [],
  vlans: [],
  subnets: [],
  ipRanges: [],
  reservedIps: [],
  staticRoutes: [],
  domains: [],
  dnsResources: [],
  dnsRecords: [],
  staticIps: [],
  nodes: [],
  interfaces: [],
  blockDevices: [],
  filesystemGroups: [],
  cacheSets: [],
  scripts: [],
  scriptSets: [],
  events: [],
  vmHosts: [],
  bootResources: [],
  bootSources: [],
  bootSelections: [],
  packageRepositories: [],
  notifications: [],
  dhcpSnippets: [],
  files: [],
  sslKeys: [],
  licenseKeys: [],
  discoveries: [],
});

export function newToken(store: Store, name: string, owner: { userId?: number; nodeId?: string }) {
  return store.insert("tokens", { consumerKey: key(18), tokenKey: key(18), tokenSecret: key(32), name, ...owner });
}

/** Adds a user with its first API key. */
export function newUser(store: Store, user: { username: string; email: string; isSuperuser: boolean; password?: string }) {
  const row = store.insert("users", { id: store.nextId("users"), password: "", ...user });
  newToken(store, "MAAS consumer", { userId: row.id });
  return row;
}

export function seed(profile: RegionProfile, directory: string | undefined, now: number): Store {
  const created = new Date(now).toISOString();
  const config = Object.fromEntries([...settings].map(([name, { fallback }]) => [name, fallback]));
  const database: Database = {
    format: 1,
    tables: emptyTables(),
    sequences: { zones: 2, pools: 1, domains: 1, fabrics: 1, vlans: 5002, scriptSets: 2 },
    config: { ...config, maas_name: profile.name, ...profile.config },
    region: { regionId: "", rackId: null },
  };
  const store = new Store(database, directory);
  store.insert("zones", { id: 1, name: "default", description: "" });
  store.insert("pools", { id: 0, name: "default", description: "Default pool" });
  store.insert("domains", { id: 0, name: "maas", authoritative: true, ttl: null });
  store.insert("fabrics", { id: 0, name: null, classType: null, description: "" });
  store.insert("vlans", {
    id: 5001,
    fabricId: 0,
    vid: 0,
    name: "untagged",
    mtu: 1500,
    description: "",
    dhcpOn: false,
    primaryRack: null,
    secondaryRack: null,
    relayVlanId: null,
    spaceId: null,
  });
  const { subnet, rack } = profile;
  store.insert("subnets", {
    id: store.nextId("subnets"),
    name: subnet.cidr,
    cidr: subnet.cidr,
    vlanId: 5001,
    description: "",
    gatewayIp: subnet.gateway,
    dnsServers: subnet.dnsServers,
    rdnsMode: 2,
    allowDns: true,
    allowProxy: true,
    activeDiscovery: false,
    managed: true,
    disabledBootArchitectures: [],
  });
  newUser(store, { ...profile.admin, isSuperuser: true });
  const region = store.insert(
    "nodes",
    newNode({ nodeType: nodeTypes.region, hostname: profile.name, poolId: null, commissioningSet: 1 }, created),
  );
  store.insert("scriptSets", { id: 1, nodeId: region.systemId, type: 0, requested: "", results: [], lastPing: null });
  database.region.regionId = region.systemId;
  if (rack) seedRack(store, rack, created);
  database.tables.scripts = builtinScripts(store, created);
  bootResources(store, profile);
  for (const [name, url, arches] of [
    ["main_archive", "http://archive.ubuntu.com/ubuntu", ["amd64", "i386"]],
    ["ports_archive", "http://ports.ubuntu.com/ubuntu-ports", ["armhf", "arm64", "ppc64el", "s390x"]],
  ] as const) {
    store.insert("packageRepositories", {
      id: store.nextId("packageRepositories"),
      name,
      url,
      distributions: [],
      disabled_pockets: [],
      disabled_components: [],
      disable_sources: true,
      components: [],
      arches,
      key: "",
      enabled: true,
    });
  }
  return store;
}

function seedRack(store: Store, rack: NonNullable<RegionProfile["rack"]>, created: string): void {
  const node = store.insert(
    "nodes",
    newNode(
      {
        nodeType: nodeTypes.rack,
        hostname: rack.hostname,
        architecture: "amd64/generic",
        poolId: null,
        powerType: "virsh",
        powerState: "error",
        cpuSpeed: 1106,
        hardwareUuid: "77e55260-e698-11f1-b663-02fc00000001",
        bmcId: store.nextId("bmcs"),
      },
      created,
    ),
  );
  store.database.region.rackId = node.systemId;
  const card = store.insert(
    "interfaces",
    newInterface({
      id: store.nextId("interfaces"),
      nodeId: node.systemId,
      name: "eth0",
      macAddress: "52:54:00:00:00:fe",
      vlanId: 5001,
      params: "",
      linkSpeed: 40000,
      interfaceSpeed: 40000,
      vendor: "Red Hat, Inc.",
      product: "Virtio network device",
    }),
  );
  node.bootInterfaceId = card.id;
  store.insert("staticIps", {
    id: store.nextId("staticIps"),
    ip: rack.address,
    allocType: 1,
    subnetId: 1,
    interfaceIds: [card.id],
    userId: null,
    created,
  });
}

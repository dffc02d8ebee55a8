import type { MaasClient } from "../../components/maas/api/client";
import type { Machine } from "../../components/maas/api/types";
import type { DesiredOf, StepName } from "../../components/maas/steps";

/** One resource of the small stack that the seeds run: the step, and what it wants. */
export interface Resource {
  name: string;
  phase: "region" | "enlist" | "commission" | "deploy";
  step: StepName;
  desired: object;
  environment: Record<string, string>;
  /** Names of the resources that must be there before. */
  after: string[];
}

const releasing = { erase: false, secureErase: false, quickErase: false, releaseLimit: 600 };

function machine(number: number): Resource[] {
  const identity = { name: `node${number}`, macAddresses: [`52:54:00:ca:05:0${number}`] };
  const common = { ...identity, stack: "homelab/chaos" };
  const power = JSON.stringify({ power_address: "qemu+ssh://lab@127.0.0.1/system", power_id: identity.name, power_pass: "hush" });
  const commissioning: DesiredOf<"commission"> = {
    ...identity,
    commissioningScripts: ["45-look"],
    testingScripts: [],
    parameters: {},
    skipNetworking: false,
    skipStorage: false,
    skipBmcConfig: false,
    enableSsh: false,
    repair: { failedCommissioning: "recommission", broken: "refuse", rescue: "refuse" },
    limit: 600,
  };
  const resource = <S extends StepName>(phase: Resource["phase"], step: S, desired: DesiredOf<S>, after: string[]): Resource => ({
    name: `${identity.name}-${phase}`,
    phase,
    step,
    desired,
    environment: { POWER_PARAMETERS: power },
    after,
  });
  return [
    resource(
      "enlist",
      "enlist",
      {
        ...common,
        architecture: "amd64",
        powerType: "virsh",
        tags: ["rack-a"],
        notes: "chaos",
        zone: "attic",
        eraseForeign: false,
        release: releasing,
      },
      ["zone", "script"],
    ),
    resource("commission", "commission", commissioning, [`${identity.name}-enlist`]),
    resource(
      "deploy",
      "deploy",
      {
        ...common,
        incarnation: `${number}`.repeat(16),
        address: `192.168.200.4${number}`,
        subnet: "192.168.200.0/24",
        interfaces: [],
        ephemeral: false,
        hardwareSync: false,
        userData: "#cloud-config\n",
        lock: false,
        eraseForeign: false,
        failedDeployment: "redeploy",
        limit: 600,
        commissioning,
        ...releasing,
      },
      [`${identity.name}-commission`, "config"],
    ),
  ];
}

const region = <S extends StepName>(name: string, step: S, desired: DesiredOf<S>): Resource => ({
  name,
  phase: "region",
  step,
  desired,
  environment: {},
  after: [],
});

/** What the stack makes: things of the region, and two machines. */
export const resources: readonly Resource[] = [
  region("config", "config", { values: { ntp_servers: "192.168.200.1", enable_http_proxy: false } }),
  region("zone", "group", { kind: "zone", name: "attic" }),
  region("pool", "group", { kind: "pool", name: "lab" }),
  region("range", "range", {
    subnet: "192.168.200.0/24",
    type: "reserved",
    start: "192.168.200.200",
    end: "192.168.200.210",
    comment: "chaos",
  }),
  region("script", "script", {
    name: "45-look",
    type: "commissioning",
    content:
      "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: 45-look\n# script_type: commissioning\n# --- End MAAS 1.0 script metadata ---\ntrue\n",
    digest: "0123456789abcdef",
  }),
  region("key", "ssh-key", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ chaos" }),
  region("subnet", "subnet", {
    cidr: "10.77.0.0/24",
    dnsServers: ["10.77.0.1"],
    fabric: "chaos",
    vlan: 77,
    space: "dark",
  }),
  region("reserved", "reserved-address", { address: "192.168.200.30", macAddress: "52:54:00:ca:05:99", comment: "printer" }),
  region("route", "route", { source: "192.168.200.0/24", destination: "10.99.0.0/16", gateway: "192.168.200.1", metric: 10 }),
  region("domain", "domain", {
    name: "chaos.test",
    authoritative: true,
    records: [
      { name: "www", type: "A", data: "192.168.200.31" },
      { name: "@", type: "TXT", data: "hello" },
    ],
  }),
  region("dhcp", "dhcp", { subnet: "192.168.200.0/24", on: false }),
  ...machine(1),
  ...machine(2),
];

/** What is to be the same however it came about: no ids, no times. */
export async function picture(client: MaasClient): Promise<unknown> {
  const [machines, zones, pools, ranges, scripts, ntp, proxy, tags, subnets, fabrics, spaces, keys, reserved, routes, domains, records] =
    await Promise.all([
      client.get<Machine[]>("machines/"),
      client.get<{ name: string }[]>("zones/"),
      client.get<{ name: string }[]>("resourcepools/"),
      client.get<{ start_ip: string; end_ip: string; type: string }[]>("ipranges/"),
      client.get<{ name: string; default: boolean; history: unknown[] }[]>("scripts/"),
      client.get<unknown>("maas/", { op: "get_config", name: "ntp_servers" }),
      client.get<unknown>("maas/", { op: "get_config", name: "enable_http_proxy" }),
      client.get<{ name: string }[]>("tags/"),
      client.get<{ cidr: string }[]>("subnets/"),
      client.get<{ name: string; vlans: { vid: number; dhcp_on: boolean; space: string }[] }[]>("fabrics/"),
      client.get<{ name: string }[]>("spaces/"),
      client.get<{ key: string }[]>("account/prefs/sshkeys/"),
      client.get<{ ip: string }[]>("reservedips/"),
      client.get<{ destination: { cidr: string } }[]>("static-routes/"),
      client.get<{ name: string }[]>("domains/"),
      client.get<{ fqdn: string; ip_addresses: { ip: string }[]; resource_records: { rrdata: string }[] }[]>("dnsresources/"),
    ]);
  const named = (list: { name: string }[]) => list.map(({ name }) => name).sort();
  return {
    machines: machines
      .map((each) => ({
        hostname: each.hostname,
        macs: each.interface_set.map(({ mac_address }) => mac_address).sort(),
        status: each.status_name,
        power: each.power_state,
        addresses: each.ip_addresses,
        tags: [...each.tag_names].filter((tag) => !/^(virtual|pxe)/.test(tag)).sort(),
        zone: each.zone?.name,
        os: each.osystem,
        owned: Object.keys(each.owner_data ?? {}).sort(),
      }))
      .sort((a, b) => a.hostname.localeCompare(b.hostname)),
    zones: named(zones),
    pools: named(pools),
    ranges: ranges.map(({ start_ip, end_ip, type }) => `${type} ${start_ip}-${end_ip}`).sort(),
    scripts: scripts.filter((each) => !each.default).map(({ name, history }) => `${name} (${history.length})`),
    tags: named(tags),
    config: { ntp, proxy },
    subnets: subnets.map(({ cidr }) => cidr).sort(),
    vlans: fabrics
      .flatMap(({ name, vlans }) => vlans.map((each) => `${name}/${each.vid} ${each.space} DHCP ${each.dhcp_on ? "on" : "off"}`))
      .sort(),
    spaces: named(spaces),
    keys: keys.map(({ key }) => key).sort(),
    reserved: reserved.map(({ ip }) => ip).sort(),
    routes: routes.map(({ destination }) => destination.cidr).sort(),
    domains: named(domains),
    records: records
      .map(({ fqdn, ip_addresses, resource_records }) =>
        [fqdn, ...ip_addresses.map(({ ip }) => ip), ...resource_records.map(({ rrdata }) => rrdata)].join(" "),
      )
      .sort(),
  };
}

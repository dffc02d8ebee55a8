/** `describe/`: the list of endpoints that generic clients (python-libmaas, the `maas` command) build themselves from. */
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";

/** MAAS's handler names, by path; paths without one are not described. */
const handlers: Record<string, string> = {
  "version/": "Version",
  "account/": "Account",
  "users/": "Users",
  "users/{username}/": "User",
  "account/prefs/sshkeys/": "SSHKeys",
  "account/prefs/sshkeys/{id}/": "SSHKey",
  "account/prefs/sslkeys/": "SSLKeys",
  "account/prefs/sslkeys/{id}/": "SSLKey",
  "zones/": "Zones",
  "zones/{name}/": "Zone",
  "resourcepools/": "ResourcePools",
  "resourcepool/{id}/": "ResourcePool",
  "tags/": "Tags",
  "tags/{name}/": "Tag",
  "fabrics/": "Fabrics",
  "fabrics/{fabric}/": "Fabric",
  "fabrics/{fabric}/vlans/": "Vlans",
  "fabrics/{fabric}/vlans/{vid}/": "Vlan",
  "spaces/": "Spaces",
  "spaces/{id}/": "Space",
  "subnets/": "Subnets",
  "subnets/{id}/": "Subnet",
  "ipranges/": "IPRanges",
  "ipranges/{id}/": "IPRange",
  "ipaddresses/": "IPAddresses",
  "reservedips/": "ReservedIps",
  "reservedips/{id}/": "ReservedIp",
  "static-routes/": "StaticRoutes",
  "static-routes/{id}/": "StaticRoute",
  "domains/": "Domains",
  "domains/{id}/": "Domain",
  "dnsresources/": "DNSResources",
  "dnsresources/{id}/": "DNSResource",
  "dnsresourcerecords/": "DNSResourceRecords",
  "dnsresourcerecords/{id}/": "DNSResourceRecord",
  "scripts/": "NodeScripts",
  "scripts/{name}": "NodeScript",
  "maas/": "Maas",
  "machines/": "Machines",
  "machines/{system_id}/": "Machine",
  "nodes/": "Nodes",
  "nodes/{system_id}/": "Node",
  "nodes/{system_id}/interfaces/": "Interfaces",
  "nodes/{system_id}/interfaces/{id}/": "Interface",
  "nodes/{system_id}/blockdevices/": "BlockDevices",
  "nodes/{system_id}/blockdevices/{device}/": "BlockDevice",
  "nodes/{system_id}/blockdevices/{device}/partitions/": "Partitions",
  "nodes/{system_id}/blockdevices/{device}/partition/{partition}": "Partition",
  "nodes/{system_id}/volume-groups/": "VolumeGroups",
  "nodes/{system_id}/volume-group/{id}/": "VolumeGroup",
  "nodes/{system_id}/raids/": "Raids",
  "nodes/{system_id}/raid/{id}/": "Raid",
  "nodes/{system_id}/bcaches/": "Bcaches",
  "nodes/{system_id}/bcache/{id}/": "Bcache",
  "nodes/{system_id}/bcache-cache-sets/": "BcacheCacheSets",
  "nodes/{system_id}/bcache-cache-set/{id}/": "BcacheCacheSet",
  "nodes/{system_id}/results/": "NodeScriptResults",
  "nodes/{system_id}/results/{id}/": "NodeScriptResult",
  "events/": "Events",
  "boot-resources/": "BootResources",
  "boot-resources/{id}/": "BootResource",
  "boot-sources/": "BootSources",
  "boot-sources/{source}/": "BootSource",
  "boot-sources/{source}/selections/": "BootSourceSelections",
  "boot-sources/{source}/selections/{id}/": "BootSourceSelection",
  "rackcontrollers/": "RackControllers",
  "rackcontrollers/{system_id}/": "RackController",
  "regioncontrollers/": "RegionControllers",
  "regioncontrollers/{system_id}/": "RegionController",
  "devices/": "Devices",
  "devices/{system_id}/": "Device",
  "vm-hosts/": "VmHosts",
  "vm-hosts/{id}/": "VmHost",
  "pods/": "Pods",
  "pods/{id}/": "Pod",
  "package-repositories/": "PackageRepositories",
  "package-repositories/{id}/": "PackageRepository",
  "notifications/": "Notifications",
  "notifications/{id}/": "Notification",
  "dhcp-snippets/": "DHCPSnippets",
  "dhcp-snippets/{id}/": "DHCPSnippet",
  "license-keys/": "LicenseKeys",
  "discovery/": "Discoveries",
  "discovery/{id}/": "Discovery",
  "files/": "Files",
  "files/{filename}/": "File",
};

/** The parameters' names as MAAS has them: the last one of a path is its `id`, those before name what they belong to. */
function publicPath(path: string): string {
  const own: Record<string, string> = { fabric: "fabric_id", device: "device_id", source: "boot_source_id" };
  const renamed = path.replace(/\{(\w+)\}/g, (whole, name: string) =>
    own[name] ? `{${own[name]}}` : name === "partition" ? "{id}" : whole,
  );
  return renamed.replace(/\{(?:fabric_id|device_id|boot_source_id)\}\/$/, "{id}/");
}

const restful: Record<string, string> = { GET: "read", POST: "create", PUT: "update", DELETE: "delete" };

function describe(endpoint: Endpoint<Context>, operations: Record<string, unknown>, name: string, origin: string) {
  const path = `/MAAS/api/2.0/${publicPath(endpoint.path)}`;
  return {
    name: `${name}Handler`,
    doc: "",
    path,
    uri: `${origin}${path}`,
    params: [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!),
    actions: Object.keys(operations).map((key) => {
      const [method = "", op] = key.split(" ");
      return { method, op: op ?? null, name: op ?? restful[method], restful: op === undefined, doc: "" };
    }),
  };
}

export function describeEndpoints(endpoints: Endpoint<Context>[]): Endpoint<Context>[] {
  const answer = ({ request }: Context) => ({
    doc: "MAAS API",
    hash: "36763f1444f05f8c565d0292aabefcaa9ece4369",
    resources: endpoints.flatMap((endpoint) => {
      const name = handlers[endpoint.path];
      if (!name) return [];
      const origin = `http://${request.host}`;
      return [
        {
          name: `${name}Handler`,
          auth: describe(endpoint, endpoint.operations, name, origin),
          anon: endpoint.anonymous ? describe(endpoint, endpoint.anonymous, `Anon${name}`, origin) : null,
        },
      ];
    }),
  });
  return [{ path: "describe/", operations: { GET: answer }, anonymous: { GET: answer } }];
}

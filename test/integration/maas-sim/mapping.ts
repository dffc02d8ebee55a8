/** Compares a live answer with a recorded one: what differs from run to run is matched by shape, ids by a consistent mapping. */

const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const macShape = /^52:54:00(:[0-9a-f]{2}){3}$/;
const timeShapes = [
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z?$/,
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/,
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]+\.? \d{4} \d\d:\d\d:\d\d$/,
];
/** Keys whose values are made up anew in each region. */
const byShape = new Set([
  "token",
  "token_key",
  "token_secret",
  "consumer_key",
  "runtime",
  "starttime",
  "endtime",
  "id_path",
  "serial",
  "system_serial",
  "firmware_version",
  "vendor",
  "product",
  "after",
  "before",
]);
/** Numbers that only have to be numbers, because MAAS's sequences count more than the API shows. */
const looseIds = new Set([
  "current_commissioning_result_id",
  "current_testing_result_id",
  "current_installation_result_id",
  "script_id",
  "script_revision_id",
]);

const shapeOf = (value: string) =>
  value
    .replace(/\d:\d\d:\d\d/g, "#")
    .replace(/[A-Za-z0-9]{15,}/g, "#")
    .replace(/[0-9a-fA-F]{4,}/g, "#");
/** MAAS lists choices in an order that differs from process to process. */
const unordered = (text: string) =>
  text.replace(/(one of: )('.*')/, (_all, before: string, choices: string) => before + choices.split(", ").sort().join(", "));
const isIpv4 = (value: unknown) => typeof value === "string" && /^\d+\.\d+\.\d+\.\d+$/.test(value);

export class Mapping {
  private readonly forward = new Map<string, string>();
  private readonly backward = new Map<string, string>();

  /** The live value of a recorded one, itself where nothing else is known. */
  live(kind: string, recorded: string): string {
    return this.forward.get(`${kind}:${recorded}`) ?? recorded;
  }

  /** Learns the pair; false where it contradicts an earlier one. */
  learn(kind: string, recorded: string, live: string): boolean {
    const known = this.forward.get(`${kind}:${recorded}`);
    const back = this.backward.get(`${kind}:${live}`);
    if (known === undefined && back === undefined) {
      this.forward.set(`${kind}:${recorded}`, live);
      this.backward.set(`${kind}:${live}`, recorded);
      return true;
    }
    return known === live && back === recorded;
  }

  forget(kind: string, recorded: string): void {
    const live = this.forward.get(`${kind}:${recorded}`);
    this.forward.delete(`${kind}:${recorded}`);
    if (live !== undefined) this.backward.delete(`${kind}:${live}`);
  }

  /** System ids and made-up names in running text. */
  text(recorded: string): string {
    let result = recorded;
    for (const [key, live] of this.forward) {
      const [kind, value] = key.split(/:(.*)/s) as [string, string];
      if (kind === "node" || kind === "name") result = result.replaceAll(value, live);
    }
    return result;
  }
}

const nodePaths = ["machines", "nodes", "devices", "rackcontrollers", "regioncontrollers"];
/** Path segments that name a kind of object, and the kind. */
const collections: Record<string, string> = {
  vlans: "vlan",
  subnets: "subnet",
  interfaces: "interface",
  blockdevices: "blockdevice",
  partition: "partition",
  ipranges: "iprange",
  fabrics: "fabric",
  spaces: "space",
  resourcepool: "pool",
  domains: "domain",
  sshkeys: "sshkey",
  results: "set",
  upload: "file",
  raid: "group",
  bcache: "group",
  "volume-group": "group",
  "volume-groups": "group",
  "bcache-cache-set": "cacheset",
  "vm-hosts": "bmc",
  "boot-sources": "bootsource",
  "boot-resources": "bootresource",
  dnsresources: "dnsresource",
  dnsresourcerecords: "dnsrecord",
  reservedips: "reservedip",
  "static-routes": "route",
  "dhcp-snippets": "snippet",
  "package-repositories": "repository",
};

/** Walks the segments of a path and replaces what names a node or an object. */
export function mapPath(path: string, replace: (kind: string, value: string) => string): string {
  const segments = path.split("/");
  return segments
    .map((segment, index) => {
      const before = segments[index - 1] ?? "";
      if (nodePaths.includes(before) && /^[a-z0-9]{6}$/.test(segment)) return replace("node", segment);
      if (collections[before] && /^\d+$/.test(segment)) {
        // VLANs below a fabric go by their VID.
        return before === "vlans" && segments[index - 3] === "fabrics" ? segment : replace(collections[before], segment);
      }
      return segment;
    })
    .join("/");
}

export interface Difference {
  path: string;
  expected: unknown;
  found: unknown;
}

export class Comparison {
  readonly differences: Difference[] = [];

  constructor(
    private readonly mapping: Mapping,
    /** Places that are not compared: as `path` shows them with `*` for any index, or a pattern. */
    private readonly ignored: (string | RegExp)[] = [],
  ) {}

  private differ(path: string, expected: unknown, found: unknown): void {
    const place = path.replace(/\[\d+\]/g, "[*]");
    const skipped = this.ignored.some((one) => (typeof one === "string" ? one === place : one.test(place)));
    if (!skipped) this.differences.push({ path, expected, found });
  }

  compare(expected: unknown, found: unknown, path = "", parent: Record<string, unknown> = {}): void {
    const key = /([\w-]+)$/.exec(path.replace(/\[\d+\]$/, ""))?.[1] ?? "";
    if (Array.isArray(expected)) this.list(expected, found, path, key, parent);
    else if (expected !== null && typeof expected === "object") this.object(expected as Record<string, unknown>, found, path);
    else if (typeof expected === "string" && typeof found === "string") this.string(expected, found, path, key, parent);
    else if (typeof expected === "number" && typeof found === "number") this.number(expected, found, path, key, parent);
    else if (expected !== found) {
      const loose = looseIds.has(key) && typeof expected === typeof found;
      if (!loose) this.differ(path, expected, found);
    }
  }

  private list(expected: unknown[], found: unknown, path: string, key: string, parent: Record<string, unknown>): void {
    if (!Array.isArray(found) || found.length !== expected.length) {
      this.differ(path, expected, found);
      return;
    }
    expected.forEach((item, index) => {
      // The address that DHCP or MAAS picked: any of the subnet will do.
      if (key === "ip_addresses" && isIpv4(item) && isIpv4(found[index])) return;
      this.compare(item, found[index], `${path}[${index}]`, parent);
    });
  }

  private object(expected: Record<string, unknown>, found: unknown, path: string): void {
    if (found === null || typeof found !== "object" || Array.isArray(found)) {
      this.differ(path, expected, found);
      return;
    }
    const live = found as Record<string, unknown>;
    const mapKey = (key: string) => (/^[a-z0-9]{6}$/.test(key) ? this.mapping.live("node", key) : key);
    const keys = new Set([...Object.keys(expected).map(mapKey), ...Object.keys(live)]);
    // The URI first: it tells which id belongs to what.
    if (typeof expected.resource_uri === "string") this.compare(expected.resource_uri, live.resource_uri, `${path}.resource_uri`, expected);
    for (const [key, value] of Object.entries(expected)) {
      if (key === "resource_uri") continue;
      if (!(mapKey(key) in live)) this.differ(`${path}.${key}`, value, "(missing)");
      else this.compare(value, live[mapKey(key)], `${path}.${key}`, expected);
    }
    const names = new Set(Object.keys(expected).map(mapKey));
    for (const key of keys) if (!names.has(key)) this.differ(`${path}.${key}`, "(missing)", live[key]);
  }

  private string(expected: string, found: string, path: string, key: string, parent: Record<string, unknown>): void {
    if (unordered(expected) === unordered(found)) return;
    if (uuidShape.test(expected) && uuidShape.test(found)) return;
    if (timeShapes.some((shape) => shape.test(expected) && shape.test(found))) return;
    if (byShape.has(key) && shapeOf(expected) === shapeOf(found)) return;
    // Of cards that a VM host made.
    if (key === "mac_address" && macShape.test(expected) && macShape.test(found) && this.mapping.learn("mac", expected, found)) return;
    if (key === "system_id" || key === "primary_rack" || key === "node") {
      if (!this.mapping.learn("node", expected, found)) this.differ(path, expected, found);
      return;
    }
    if ((key === "hostname" || key === "fqdn") && /^[a-z]+-[a-z]+(\.|$)/.test(expected) && /^[a-z]+-[a-z]+(\.|$)/.test(found)) {
      if (!this.mapping.learn("name", expected.split(".")[0]!, found.split(".")[0]!)) this.differ(path, expected, found);
      return;
    }
    if (key === "ip_address" && isIpv4(expected) && isIpv4(found) && (parent.mode === "auto" || parent.mode === undefined)) return;
    if (/_uri$/.test(key)) {
      if (this.uri(expected, found)) return;
    }
    if (this.mapping.text(expected) === found) return;
    this.differ(path, expected, found);
  }

  /** Same path but for ids, which are learnt. */
  private uri(expected: string, found: string): boolean {
    const pairs: [string, string][] = [];
    const strip = (uri: string) => {
      const values: [string, string][] = [];
      const path = mapPath(
        uri
          .replace(/key=[0-9a-f-]+/, "key=#")
          .replace(/(after|before)=\d+/, "$1=#")
          .replace(/id=[a-z0-9]{6}/, "id=#"),
        (kind, value) => {
          values.push([kind, value]);
          return "#";
        },
      );
      return { path, values };
    };
    const [one, other] = [strip(expected), strip(found)];
    if (one.path !== other.path || one.values.length !== other.values.length) return false;
    one.values.forEach(([kind, value], index) => {
      pairs.push([`${kind}\n${value}`, other.values[index]![1]]);
    });
    return pairs.every(([left, live]) => {
      const [kind, value] = left.split("\n") as [string, string];
      return this.mapping.learn(kind, value, live);
    });
  }

  private number(expected: number, found: number, path: string, key: string, parent: Record<string, unknown>): void {
    if (expected === found || byShape.has(key) || looseIds.has(key)) return;
    if (key === "id" || key === "device_id" || key === "fabric_id" || key === "link_id") {
      const kind =
        key === "fabric_id"
          ? "fabric"
          : key === "device_id"
            ? "blockdevice"
            : key === "link_id" || "mode" in parent
              ? "link"
              : this.kindOf(parent);
      if (kind === undefined || this.mapping.learn(kind, String(expected), String(found))) return;
    }
    this.differ(path, expected, found);
  }

  /** Undefined where nothing else names the object: then a number is enough. */
  private kindOf(parent: Record<string, unknown>): string | undefined {
    const uri = typeof parent.resource_uri === "string" ? parent.resource_uri : "";
    let kind: string | undefined;
    mapPath(uri, (one, value) => {
      if (value === String(parent.id)) kind = one;
      return value;
    });
    return kind;
  }
}

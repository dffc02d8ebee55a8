/** The region that the recordings were made on, and a replay of them against a fresh simulator. */
import { createMaas, type MaasSimulator } from "../../../rig/maas";
import type { RegionProfile } from "../../../rig/maas/options";
import { type Schedule, TimedHardware } from "../../../rig/maas/timed-hardware";
import { type Keys, type LiveAnswer, send } from "./client";
import { Comparison, type Difference, Mapping, mapPath } from "./mapping";
import type { RecordedRequest, RecordedResponse, Recording } from "./recordings";

const profile = (connected: boolean): RegionProfile => ({
  name: "vm",
  subnet: { cidr: "10.20.0.0/24", gateway: "10.20.0.1", dnsServers: ["10.20.0.1"] },
  rack: { hostname: "rack-1", address: "10.20.0.2", connected },
  images: [
    { name: "ubuntu/noble", kernel: "24.04", architectures: ["amd64", "arm64"] },
    { name: "ubuntu/jammy", kernel: "22.04", architectures: ["amd64", "arm64"] },
  ],
  admin: { username: "admin", email: "admin@example.com" },
});

export class Rig {
  private readonly pending: (() => void)[] = [];
  readonly hardware: TimedHardware;
  readonly maas: MaasSimulator;
  keys!: Keys;
  origin!: string;

  constructor(connected = true) {
    const schedule: Schedule = (_seconds, what) => this.pending.push(what);
    this.hardware = new TimedHardware(
      {
        durations: { powerOn: 1, powerOff: 1, commissioning: 1, testing: 1, deployment: 1, erasing: 1, rescue: 1, wipe: 1 },
        machines: [
          { match: /^fail-commission/, failingScripts: [{ name: "50-maas-01-commissioning", exitStatus: 1, stderr: "no disk\n" }] },
          { match: /^fail-test/, failingScripts: [{ name: "smartctl-validate", exitStatus: 1, stderr: "bad sectors\n" }] },
          { match: /^fail-deploy/, failDeployment: "curtin: no space left" },
          { match: /^fail-release/, failingScripts: [{ name: "wipe-disks", exitStatus: 1, stderr: "cannot erase\n" }] },
          { match: /^stuck/, stuck: true },
        ],
      },
      schedule,
    );
    this.maas = createMaas({ hardware: this.hardware, profile: profile(connected) });
  }

  async start(): Promise<this> {
    this.origin = (await this.maas.listen("127.0.0.1", 0)).replace(/\/MAAS$/, "");
    this.keys = { admin: this.maas.adminApiKey(), "plain-user": await this.maas.createUser("plain") };
    return this;
  }

  async stop(): Promise<void> {
    await this.maas.close();
    await this.hardware.close();
  }

  /** Until the machines' own requests are answered and what follows from them has begun. */
  private async breathe(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await this.hardware.requestsDone();
    }
  }

  /** Lets the hardware do one thing. */
  async step(): Promise<boolean> {
    const what = this.pending.shift();
    if (!what) return false;
    what();
    await this.breathe();
    return true;
  }

  /** Lets the hardware run until it waits for nothing. */
  async settle(): Promise<void> {
    await this.breathe();
    while (await this.step());
  }

  /** Some answers wait for the power of a machine: the hardware goes on until they are there. */
  async patiently(answer: Promise<LiveAnswer>): Promise<LiveAnswer> {
    let live: LiveAnswer | undefined;
    const done = answer.then((value) => {
      live = value;
    });
    for (;;) {
      await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 250))]);
      if (live) return live;
      if (!(await this.step())) await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 250))]);
    }
  }

  call(method: string, path: string, form: [string, string][] = []): Promise<LiveAnswer> {
    return this.patiently(
      send(this.origin, this.keys, "", {
        method,
        path: `/MAAS/api/2.0/${path}`,
        query: {},
        auth: "admin",
        encoding: "application/x-www-form-urlencoded",
        form,
        files: {},
      }),
    );
  }
}

export interface Outcome {
  name: string;
  live: LiveAnswer;
  differences: Difference[];
}

const numericFields: Record<string, string> = {
  vlan: "vlan",
  subnet: "subnet",
  parent: "interface",
  parents: "interface",
  link_id: "link",
  id: "link",
  space: "space",
  fabric: "fabric",
  block_devices: "blockdevice",
  partitions: "partition",
  cache_device: "blockdevice",
  backing_device: "blockdevice",
  cache_set: "cacheset",
};
const notableHeaders = ["content-type", "vary", "x-maas-api-hash", "x-frame-options", "allow", "www-authenticate", "retry-after"];

function translate(request: RecordedRequest, mapping: Mapping): RecordedRequest {
  const value = (name: string, given: string) => {
    const node = mapping.live("node", given);
    if (node !== given) return node;
    const kind = name === "id" && request.query.op === "delete_logical_volume" ? "blockdevice" : numericFields[name];
    return kind && /^\d+$/.test(given) ? mapping.live(kind, given) : given;
  };
  return {
    ...request,
    path: mapPath(request.path, (kind, one) => mapping.live(kind, one)).replace(/token_key$/, ""),
    query: Object.fromEntries(Object.entries(request.query).map(([name, one]) => [name, value(name, one)])),
    form: request.form.map(([name, one]) => [name, value(name, one)]),
  };
}

/** Nonces, signatures and times of a refused login, and the error page's own wording, are the run's and the server's. */
const textShape = (text: string) =>
  text.startsWith("Authorization Error")
    ? text
        .replace(/: &\w+/, ": &#")
        .replace(/used: [\w-]+/, "used: #")
        .replace(/\d{10}/g, "#")
    : text;

function compareAnswers(expected: RecordedResponse, live: LiveAnswer, mapping: Mapping, ignored: (string | RegExp)[]): Difference[] {
  const comparison = new Comparison(mapping, ignored);
  if (expected.status !== live.status)
    comparison.differences.push({
      path: "status",
      expected: expected.status,
      found: `${live.status} ${live.body.toString().slice(0, 200)}`,
    });
  for (const name of notableHeaders) {
    const wanted = Object.entries(expected.headers).find(([key]) => key.toLowerCase() === name)?.[1];
    const sorted = (value: string | null | undefined) => (name === "allow" ? value?.split(", ").sort().join() : value);
    if (wanted !== undefined && sorted(wanted) !== sorted(live.headers.get(name)))
      comparison.differences.push({ path: `header ${name}`, expected: wanted, found: live.headers.get(name) });
  }
  if (comparison.differences.some(({ path }) => path === "status")) return comparison.differences;
  if ("json" in expected) {
    let found: unknown;
    try {
      found = JSON.parse(live.body.toString("utf8"));
    } catch {
      return [...comparison.differences, { path: "body", expected: expected.json, found: live.body.toString("utf8") }];
    }
    comparison.compare(expected.json, found);
  } else if (expected.text !== undefined && textShape(mapping.text(expected.text)) !== textShape(live.body.toString("utf8"))) {
    comparison.differences.push({ path: "body", expected: mapping.text(expected.text), found: live.body.toString("utf8") });
  }
  return comparison.differences;
}

/** What the second recorded region's machines have in another way; their storage is compared in the first one's answers. */
const otherHardware = [
  /(^|\.)((physical|virtual)?blockdevice_set|boot_disk)(\[|\.|$)/,
  /(^|\.)numanode_set\[\*\]\.memory$/,
  // It claims automatic addresses in a workflow, and its machines report no lshw for automatic tags.
  /\.links\[\*\]\.ip_address$/,
  /^(\[\*\])?\.(tag_names|storage|memory|hardware_info\.\w+|hardware_uuid|cpu_\w+|power_state)$/,
  // Cards that nobody described, and orders that the database gives.
  /(^|\.)(boot_interface|interface_set\[\*\])\.(vendor|product|firmware_version)$/,
  /^(\[\*\])?\.(vendor|product)$/,
  /tag_names\[\*\]$/,
  /^(\[\*\])?\.tags\[\*\]$/,
  /^(\[\*\])?\.partitions\[\*\]\.(size|path)$/,
  /^(\[\*\])?\.(used_size|firmware_version|block_size|name|size|model|serial|path|available_size|id_path|tags)$/,
];

export interface ReplayOptions {
  /** What happened on the recorded region between the recordings, before the one of that name. */
  before: Record<string, (rig: Rig, mapping: Mapping) => Promise<unknown>>;
  /** Places whose recorded values are the recording rig's own, by recording name. */
  ignored: Record<string, (string | RegExp)[]>;
}

/** Replays in order. */
export async function replay(rig: Rig, recordings: Recording[], options: ReplayOptions): Promise<Outcome[]> {
  const mapping = new Mapping();
  const outcomes: Outcome[] = [];
  for (const recording of recordings) {
    if (recording.settle) await rig.settle();
    await options.before[recording.name]?.(rig, mapping);
    const live = await rig.patiently(send(rig.origin, rig.keys, recording.name, translate(recording.request, mapping)));
    const ignored = [...(recording.rig === 2 ? otherHardware : []), ...(options.ignored[recording.name] ?? [])];
    outcomes.push({ name: recording.name, live, differences: compareAnswers(recording.response, live, mapping, ignored) });
    forgetDeleted(recording, live, mapping);
  }
  return outcomes;
}

/** Deleted ids may be given again. */
function forgetDeleted(recording: Recording, live: LiveAnswer, mapping: Mapping): void {
  if (recording.request.method !== "DELETE" || live.status !== 204) return;
  mapPath(recording.request.path, (kind, value) => {
    if (recording.request.path.replace(/\/$/, "").endsWith(value)) mapping.forget(kind, value);
    return value;
  });
}

import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { configOf } from "../../cli/engine/settings-file";
import { isUserError } from "../../components/core/user-error";
import type { Clock } from "../../components/maas/api/clock";
import { execute } from "../../components/maas/run/program";
import { stepNames } from "../../components/maas/steps";
import { parseSettings } from "../../settings/validate";
import { resources } from "./life";
import { mutateText, mutateValue } from "./mutate";
import { Random } from "./random";
import { closeTaskd, giveTaskd } from "./taskd-frames";

export interface Finding {
  number: number;
  target: string;
  what: "crash" | "stack trace" | "hang";
  detail: string;
}

interface Target {
  name: string;
  /** Gives one input; resolves with all that a user would read of it. Whatever it throws is a crash. */
  give(random: Random): Promise<string> | string;
  /** Ends what it has started. */
  close?(): Promise<void>;
}

const root = path.join(__dirname, "../..");
const stackTrace = /^\s+at .*(\(|:\d+:\d+)/m;

/** Settings that are right: the committed stack files, and those that the tests take for valid. */
const stackFiles = ["Pulumi.sim.yaml", "Pulumi.lab.yaml", "Pulumi.vm.yaml"].map((name) => fs.readFileSync(path.join(root, name), "utf8"));
const settings = stackFiles.map((text) => {
  const { config } = yaml.load(text) as { config: Record<string, unknown> };
  return { ...Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), value])), maasApiKey: "a:b:c" };
});

/** What a refusal says to a user; anything but a refusal is thrown on. */
function refused(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    if (isUserError(error)) {
      return (error as Error).message;
    }
    throw error;
  }
}

/** Time passes as soon as somebody waits for it. */
class InstantClock implements Clock {
  private time = Date.now();
  private sleeps = 0;

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    if (++this.sleeps > 20_000) {
      // Waiting for ever: what the caller takes for a hang.
      await new Promise(() => undefined);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const machine = {
  system_id: "abc123",
  hostname: "node1",
  fqdn: "node1.maas",
  status: 6,
  status_name: "Deployed",
  power_state: "on",
  power_type: "virsh",
  ip_addresses: ["192.168.200.41"],
  tag_names: ["rack-a"],
  osystem: "ubuntu",
  distro_series: "noble",
  owner: "admin",
  owner_data: { homelab: "homelab/chaos" },
  zone: { id: 2, name: "attic" },
  pool: { id: 0, name: "default" },
  domain: { id: 0, name: "maas" },
  locked: false,
  architecture: "amd64/generic",
  interface_set: [
    {
      id: 1,
      name: "enp1s0",
      mac_address: "52:54:00:ca:05:01",
      links: [{ id: 3, mode: "static", ip_address: "192.168.200.41" }],
      vlan: { id: 5001, vid: 0 },
    },
  ],
  blockdevice_set: [{ id: 1, name: "sda", size: 1e11, partitions: [] }],
  special_filesystems: [],
};
/** Answers of MAAS by the beginning of the path below `api/2.0/`. */
const answers: readonly [RegExp, unknown][] = [
  [/^machines\/\?/, [machine]],
  [/^machines\//, machine],
  [/^zones\//, [{ id: 2, name: "attic", description: "" }]],
  [/^resourcepools?\//, [{ id: 1, name: "lab", description: "" }]],
  [
    /^subnets\//,
    [
      {
        id: 1,
        cidr: "192.168.200.0/24",
        gateway_ip: "192.168.200.1",
        dns_servers: [],
        vlan: { id: 5001, vid: 0, fabric_id: 0, dhcp_on: false },
      },
    ],
  ],
  [
    /^ipranges\//,
    [{ id: 4, type: "reserved", start_ip: "192.168.200.200", end_ip: "192.168.200.210", comment: "chaos", subnet: { id: 1 } }],
  ],
  [
    /^scripts\//,
    { id: 9, name: "45-look", type_name: "Commissioning script", default: false, history: [{ id: 1, comment: "sha256:0123456789abcdef" }] },
  ],
  [/^maas\//, "192.168.200.1"],
  [
    /^events\//,
    {
      count: 1,
      events: [{ id: 7, node: "abc123", type: "Deployed", level: "INFO", created: "Mon, 30 Nov. 2026 02:00:00", description: "" }],
    },
  ],
  [/^nodes\/.*results/, { results: [{ id: 1, name: "45-look", status_name: "Passed", exit_status: 0, output: "" }] }],
  [/^version/, { version: "3.7.0", subversion: "", capabilities: [] }],
  [/^./, []],
];

function answerOf(random: Random, url: string): Response {
  const below = url.replace(/^.*api\/2\.0\//, "");
  const [, right] = answers.find(([pattern]) => pattern.test(below)) as [RegExp, unknown];
  const fate = random.below(10);
  const status = fate < 8 ? 200 : random.pick([201, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504]);
  const type =
    fate === 6 ? random.pick(["text/html", "text/plain", "", "application/json; charset=utf-8", "image/png"]) : "application/json";
  const value = fate === 0 ? right : mutateValue(random, right);
  const text = fate === 7 ? mutateText(random, JSON.stringify(value) ?? "") : (JSON.stringify(value) ?? "");
  const headers: Record<string, string> = { "content-type": type };
  if (random.below(20) === 0) {
    headers["retry-after"] = random.pick(["0", "5", "-1", "999999999999", "soon", "Infinity"]);
  }
  return new Response(text, { status, headers });
}

async function step(args: string[], stdin: string, fetch: (url: string) => Response, environment: Record<string, string>): Promise<string> {
  const lines: string[] = [];
  const run = execute(
    args,
    stdin,
    { MAAS_URL: "http://maas.test/MAAS", MAAS_API_KEY: "a:b:c", ...environment },
    (line) => lines.push(line),
    {
      clock: new InstantClock(),
      fetch: (async (url: string) => fetch(String(url))) as unknown as typeof globalThis.fetch,
    },
  );
  const { code, stdout } = await run;
  if (![0, 1, 2].includes(code)) {
    throw new Error(`exit code ${code}`);
  }
  return `${lines.join("\n")}\n${stdout}`;
}

const operations = ["create", "update", "delete"];

export const targets: readonly Target[] = [
  { name: "settings", give: (random) => refused(() => parseSettings(mutateValue(random, random.pick(settings)))) },
  {
    name: "stack files",
    give: (random) =>
      refused(() => parseSettings({ maasApiKey: "a:b:c", ...configOf(mutateText(random, random.pick(stackFiles)), "Pulumi.lab.yaml") })),
  },
  {
    name: "answers of MAAS",
    give: (random) => {
      const { step: name, desired, environment } = random.pick(resources);
      const previous = random.below(2) === 0 ? {} : { PULUMI_COMMAND_STDOUT: JSON.stringify({ id: 9, created: true, before: {} }) };
      const all = { ...environment, ...previous } as Record<string, string>;
      return step([name, random.pick(operations)], JSON.stringify(desired), (url) => answerOf(random, url), all);
    },
  },
  {
    name: "stdin of steps",
    give: (random) => {
      const { desired, environment } = random.pick(resources);
      const text = JSON.stringify(mutateValue(random, desired)) ?? "";
      const stdin = random.below(3) === 0 ? mutateText(random, text) : text;
      const quiet = new Random(1);
      const given =
        random.below(4) === 0 ? { ...environment, PULUMI_COMMAND_STDOUT: mutateText(random, '{"id":9,"created":true}') } : environment;
      return step([random.pick(stepNames), random.pick(operations)], stdin, (url) => answerOf(quiet, url), given);
    },
  },
  { name: "taskd frames", give: giveTaskd, close: closeTaskd },
];

/**
 * Gives the input of that number; what did not hold, if anything.
 *
 * @param longest milliseconds of processor time that an input may take; thirty times that on the clock count as no end
 */
export async function fuzz(number: number, longest = 2_000): Promise<Finding | undefined> {
  const target = targets[number % targets.length];
  const started = process.cpuUsage();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), longest * 30);
  });
  const found = (what: Finding["what"], detail: string): Finding => ({ number, target: target.name, what, detail: detail.slice(0, 600) });
  try {
    const said = await Promise.race([(async () => target.give(new Random(number)))(), late]);
    const { user, system } = process.cpuUsage(started);
    if (said === "late" || (user + system) / 1000 > longest) {
      return found("hang", `more than ${longest} ms of processor time, or no end`);
    }
    return stackTrace.test(said) ? found("stack trace", said) : undefined;
  } catch (error) {
    return found("crash", (error as Error).stack ?? String(error));
  } finally {
    clearTimeout(timer);
  }
}

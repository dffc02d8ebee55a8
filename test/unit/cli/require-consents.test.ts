import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { requireConsents } from "../../../cli/engine/guard";
import type { Preview } from "../../../cli/report/preview";
import { consentsAtOnce, fingerprint } from "../../../settings/fingerprint";
import type { Settings } from "../../../settings/schema";
import { parseSettings } from "../../../settings/validate";

const all = ["node1", "node2", "node3"];
let settings: Settings;
let unprotected: string[];

jest.mock("../../../cli/engine/settings-file", () => ({
  settingsForConsents: async () => ({ file: "Pulumi.lab.yaml", settings }),
}));
jest.mock("../../../cli/report/make-preview", () => ({
  makePreview: async (): Promise<Preview> => ({
    steps: all.map((name) => ({
      op: "replace",
      urn: `urn:pulumi:lab::homelab::homelab:maas:Machine$command:local:Command::${name}-deployment`,
      newState: { type: "command:local:Command", parent: `urn:pulumi:lab::homelab::homelab:maas:Machine::${name}` },
    })),
  }),
}));
jest.mock("../../../cli/engine/process", () => ({
  run: async (_: string, args: string[]) => unprotected.push(args[2]),
}));

/** A stack of three protected servers. */
function threeServers(consent: Record<string, string>): Settings {
  const { config } = yaml.load(fs.readFileSync(path.join(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as {
    config: Record<string, any>;
  };
  const draft = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), structuredClone(value)]));
  draft.machines = all.map((name, index) => ({
    ...draft.machines[0],
    name,
    macAddresses: [`52:54:00:c8:00:0${index + 1}`],
    address: `192.168.200.1${index + 1}`,
  }));
  draft.cluster.virtualAddress = { address: "192.168.200.50" };
  return parseSettings({ ...draft, protect: true, maasApiKey: "a:b:c", consent });
}

const lab = { stack: "lab", engine: "pulumi", environment: {} };

describe("a run that reinstalls all servers at once", () => {
  beforeEach(() => {
    unprotected = [];
  });

  it("is refused although each machine has its consent, and nothing is unprotected", async () => {
    settings = threeServers({});
    const machines = Object.fromEntries(all.map((name) => [name, String(fingerprint(settings, name))]));
    settings = threeServers(machines);
    await expect(requireConsents(lab)).rejects.toThrow(/loses what is on node1, node2, node3.*servers-at-once: "/s);
    expect(unprotected).toEqual([]);
  });

  it("goes on with the consent that is for that", async () => {
    settings = threeServers({});
    const machines = Object.fromEntries(all.map((name) => [name, String(fingerprint(settings, name))]));
    settings = threeServers({ ...machines, "servers-at-once": String(consentsAtOnce(settings, all).text) });
    await requireConsents(lab);
    expect(unprotected).toHaveLength(3);
  });
});

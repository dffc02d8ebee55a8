import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { UpgradeRecord } from "../../../cli/engine/upgrade-record";
import { back } from "../../../cli/verbs/upgrade-k3s";

/** Nothing is run: what is refused is refused before that. */
let record: UpgradeRecord | undefined;
let volumes: string[] = [];

jest.mock("../../../cli/engine/known-stack", () => ({ knownStack: async () => ({ stack: "sim" }) }));
jest.mock("../../../cli/engine/upgrade-record", () => ({ readUpgrade: async () => record }));
jest.mock("../../../cli/live/lab-hosts", () => ({ labHosts: async () => ({ hosts: [], outputs: { kubeconfig: "{}" } }) }));
jest.mock("../../../cli/live/kubernetes-api", () => ({ KubernetesApi: class {} }));
jest.mock("../../../cli/live/local-volumes", () => ({ placesOfVolumes: async () => volumes }));
jest.mock("../../../cli/verbs/machine-questions", () => ({
  agreed: async () => {
    throw new Error("somebody was asked");
  },
}));

describe("the way back from an upgrade", () => {
  const archive = path.join(fs.mkdtempSync(path.join(tmpdir(), "homelab-back-")), "backup.tar.gz");
  afterAll(() => fs.rmSync(path.dirname(archive), { recursive: true }));

  beforeEach(() => {
    fs.writeFileSync(archive, "");
    record = {
      ...{ from: "v1.35.9+k3s1", to: "v1.36.5+k3s1", archive, began: "2026-11-30T16:25:34Z", ended: true },
      volumes: ["pvc-1 on node1", "pvc-2 on node2"],
    };
    volumes = ["pvc-2 on node2"];
  });

  it("is open while all volumes are where they were", async () => {
    await expect(back({ stack: "sim" })).rejects.toThrow("somebody was asked");
  });

  it("is refused where a volume was moved since, as the datastore of then would look for it in its old place", async () => {
    volumes = ["pvc-1 on node3", "pvc-2 on node2"];
    await expect(back({ stack: "sim" })).rejects.toThrow(/volumes were made or moved since 2026-11-30T16:25:34Z[\s\S]*pvc-1 on node3/);
  });

  it("needs an upgrade that is noted, and its backup", async () => {
    fs.rmSync(archive);
    await expect(back({ stack: "sim" })).rejects.toThrow("the backup taken just before is gone");
    record = undefined;
    await expect(back({ stack: "sim" })).rejects.toThrow("no upgrade with a backup is noted on this computer");
  });
});

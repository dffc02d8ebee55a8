import * as pulumi from "@pulumi/pulumi";
import { allRegistered, isSecret, type Registered, recordResources, settled } from "../../support/mocks";
import { asPulumiConfig, stackSettings } from "./fixtures";

const resources: Registered[] = recordResources();
let outputs: Record<string, pulumi.Output<any>>;

const named = (name: string) => {
  const found = resources.filter((resource) => resource.name === name);
  expect([name, found.length]).toEqual([name, 1]);
  return found[0];
};
const ofType = (type: string) => resources.filter((resource) => resource.type === type).map((resource) => resource.name);

beforeAll(async () => {
  const settings = stackSettings("sim");
  settings.machines[0].power.parameters.power_pass = "POWER-PASS";
  const images = {
    taskd: "homelab.internal/taskd:1.1.0",
    prometheus: "homelab.internal/prometheus:2.42.0",
    pause: "homelab.internal/pause:3.6",
  };
  pulumi.runtime.setAllConfig(asPulumiConfig({ ...settings, images }), ["homelab:maasApiKey"]);
  outputs = require("../../../index");
  await Promise.all(
    Object.values(outputs).map((output) => (pulumi.Output.isInstance(output) ? settled(output as pulumi.Output<any>) : undefined)),
  );
  // Registrations that no output waits for.
  await allRegistered();
}, 120_000);

describe("the graph of the sim stack", () => {
  it("has a machine each, then the cluster, then what runs on it", () => {
    expect(ofType("homelab:maas:Machine").sort()).toEqual(["node1", "node2"]);
    expect(ofType("homelab:k3s:Cluster")).toEqual(["k3s"]);
    expect(ofType("homelab:k3s:Node").sort()).toEqual(["k3s-node1", "k3s-node2"]);
    expect(ofType("homelab:taskserver:TaskServers")).toEqual(["tasks"]);
    expect(ofType("homelab:monitoring:Monitoring")).toEqual(["monitoring"]);
  });

  it("has no output without a value, of which the engine would warn at each run", () => {
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(["machines", "kubeconfig", "prometheus", "taskUsers"]));
    expect(Object.entries(outputs).filter(([, output]) => output === undefined)).toEqual([]);
    expect(Object.keys(outputs)).not.toContain("maas");
  });

  it("installs the server first and joins the agent to it", () => {
    const names = resources.map((resource) => resource.name);
    expect(names.indexOf("k3s-node1-k3s")).toBeLessThan(names.indexOf("k3s-node2-k3s"));
    expect(named("k3s-node1-k3s").inputs.create).toContain("role=server");
    expect(named("k3s-node2-k3s").inputs.create).toContain("role=agent");
    const files = Buffer.from(named("k3s-node2-k3s").inputs.stdin.split("\n")[0].split(" ")[2], "base64").toString();
    expect(files).toContain("server: https://192.168.200.11:6443");
  });

  it("lets the server speak for the agent: empty it before an upgrade, admit it, take it out when it leaves", () => {
    const host = (name: string) => named(name).inputs.connection.host;
    expect([host("k3s-node2-prepare"), host("k3s-node2-k3s"), host("k3s-node2-admit"), host("k3s-node2-membership")]).toEqual([
      "192.168.200.11",
      "192.168.200.12",
      "192.168.200.11",
      "192.168.200.11",
    ]);
    expect(named("k3s-node2-membership").inputs.delete).toContain("remove node=node2");
    // Nobody is left to take the only server out.
    expect(resources.some(({ name }) => name === "k3s-node1-membership")).toBe(false);
  });

  it("imports an archive for each overridden image", () => {
    expect(named("k3s-node1-k3s").inputs.create).toContain("'archives=pause prometheus taskd'");
  });

  it("says the same for create and update, pins host keys, keeps old output away and runs anew on a new deployment", () => {
    const commands = resources.filter((resource) => resource.type === "command:remote:Command");
    expect(commands.length).toBeGreaterThan(6);
    for (const { name, inputs } of commands) {
      expect([name, inputs.update]).toEqual([name, inputs.create]);
      expect([name, inputs.addPreviousOutputInEnv]).toEqual([name, false]);
      expect([name, inputs.connection.hostKey]).toEqual([name, expect.stringMatching(/^ssh-ed25519 /)]);
      // What runs when it is deleted must not be made to run by a new deployment, but for what takes the node out before it.
      const bound = inputs.delete === undefined || /-membership$/.test(name);
      expect([name, inputs.triggers?.[0]]).toEqual([name, bound ? "0123456789abcdef" : undefined]);
    }
  });

  it("waits for SSH however long the machine takes, and bounded by the settings only", () => {
    expect(named("k3s-node1-ssh").inputs.connection.dialErrorLimit).toBe(-1);
  });

  it("keeps the provider's cluster the same over new addresses and certificates", () => {
    const { inputs, marked } = provider();
    expect(inputs.clusterIdentifier).toMatch(/^uuid of /);
    expect(inputs).toMatchObject({
      ...{ enableServerSideApply: "true", deleteUnreachable: "true" },
      ...{ enableConfigMapMutable: "true", enableSecretMutable: "true" },
    });
    expect(isSecret(marked.kubeconfig)).toBe(true);
  });
});

describe("the objects of the cluster", () => {
  /** Empty lists and maps, but for volumes of emptyDir and for rules that match everything. */
  const emptyIn = (where: string, value: any): string[] => {
    if (value === null || typeof value !== "object") {
      return [];
    }
    const entries = Object.entries(value);
    const meant = /\.emptyDir$|\.egress\.0$/.test(where);
    return entries.length === 0 && !meant ? [where] : entries.flatMap(([key, each]) => emptyIn(`${where}.${key}`, each));
  };

  it("are written as a provider sends them, so that no run violates its own saved plan", () => {
    const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
    expect(objects.length).toBeGreaterThan(30);
    expect(objects.filter(({ inputs }) => "stringData" in inputs).map(({ name }) => name)).toEqual([]);
    expect(objects.flatMap(({ name, inputs }) => emptyIn(name, inputs))).toEqual([]);
  });
});

function provider(): Registered {
  const found = resources.filter((resource) => resource.type === "pulumi:providers:kubernetes");
  expect(found.length).toBe(1);
  return found[0];
}

describe("secrets", () => {
  const fromSettings = /consumer:token:secret|POWER-PASS/;
  const marks = /password of|private key of|S0VZ|consumer:token:secret|POWER-PASS/;

  it("reach the engine as secrets only, and never in a command's text", () => {
    const leaks: string[] = [];
    const walk = (where: string, value: any, pattern: RegExp) => {
      if (isSecret(value)) {
        return;
      }
      if (typeof value === "string" && (pattern.test(value) || pattern.test(Buffer.from(value, "base64").toString("latin1")))) {
        leaks.push(where);
      } else if (value !== null && typeof value === "object") {
        for (const [key, inner] of Object.entries(value)) {
          walk(`${where}.${key}`, inner, pattern);
        }
      }
    };
    for (const { name, marked, custom } of resources) {
      // The engine marks what the random and tls providers make; under mocks a component's arguments show it plain.
      walk(name, marked, custom ? marks : fromSettings);
    }
    expect(leaks).toEqual([]);
    for (const { name, inputs } of resources.filter((resource) => resource.type.startsWith("command:"))) {
      for (const text of [inputs.create, inputs.update, inputs.delete]) {
        expect([name, marks.test(JSON.stringify(text ?? ""))]).toEqual([name, false]);
      }
    }
  });

  it("are what kubeconfig, SSH key and task users are", async () => {
    for (const key of ["kubeconfig", "sshKey", "taskUsers"]) {
      expect([key, await pulumi.isSecret(outputs[key])]).toEqual([key, true]);
    }
    expect((await settled(outputs.kubeconfig)).value).toContain("https://192.168.200.11:6443");
  });

  it("are not in the plain outputs", async () => {
    const all: any[] = await Promise.all(
      ["machines", "nodes", "endpoint", "sshHostKeys"].map(async (key) => (await settled(outputs[key])).value),
    );
    expect(JSON.stringify(all)).not.toMatch(marks);
    expect(all[0]).toMatchObject({ node1: { role: "server", address: "192.168.200.11" } });
  });
});

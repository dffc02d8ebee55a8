import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import * as yaml from "js-yaml";
import { ACCEPTED_KEYS, MANAGED_KEYS } from "../../../components/core/config-keys";
import { type NodeConfig, nodeConfig, renderConfig, renderRegistration, usesEtcd } from "../../../components/k3s/config";
import versions from "../../../versions.json";
import { clusterOf } from "../../support/k3s-options";

const server: NodeConfig = {
  name: "node1",
  role: "server",
  address: "192.168.200.11",
  endpoint: "https://192.168.200.11:6443",
  etcd: false,
  apiNames: ["192.168.200.11", "node1"],
};
const agent: NodeConfig = { ...server, name: "node2", role: "agent", address: "192.168.200.12" };

describe("config.yaml", () => {
  it("renders a single server", () => {
    expect(renderConfig("server", nodeConfig(clusterOf({}), server))).toMatchSnapshot();
  });

  it("renders an agent", () => {
    expect(renderConfig("agent", nodeConfig(clusterOf({}), agent))).toMatchSnapshot();
  });

  it("leaves to each server of an etcd cluster whether it starts or joins", () => {
    const config = nodeConfig(clusterOf({ datastore: "etcd" }), server);
    expect(config).not.toHaveProperty("server");
    expect(config).not.toHaveProperty("cluster-init");
    expect(["auto", "sqlite", "etcd"].map((datastore) => [1, 3].map((count) => usesEtcd({ datastore } as never, count)))).toEqual([
      [false, true],
      [false, false],
      [true, true],
    ]);
  });

  it("registers with labels and taints, but for those a kubelet may not give itself", () => {
    const labels = { disk: "ssd", "node-role.kubernetes.io/worker": "true" };
    expect(yaml.load(renderRegistration({ labels, taints: ["b:NoExecute", "a=b:NoSchedule"] }))).toEqual({
      "node-label": ["disk=ssd"],
      "node-taint": ["a=b:NoSchedule", "b:NoExecute"],
    });
  });

  it("gives all servers the same critical flags", () => {
    const cluster = clusterOf({
      network: { podCidr: "10.50.0.0/16" },
      secretsEncryption: true,
      disable: ["traefik", "servicelb"],
    });
    const critical = [
      "cluster-cidr",
      "service-cidr",
      "cluster-dns",
      "cluster-domain",
      "disable",
      "secrets-encryption",
      "flannel-backend",
      "tls-san",
    ];
    const pick = (config: Record<string, unknown>) => critical.map((key) => config[key]);
    const first = nodeConfig(cluster, server);
    const third = nodeConfig(cluster, {
      ...server,
      name: "node3",
      address: "192.168.200.13",
    });
    expect(pick(third)).toEqual(pick(first));
    expect(first["cluster-cidr"]).toBe("10.50.0.0/16");
  });

  it("holds no key that k3s does not take, whatever the settings, and is the same for the same settings", () => {
    const clusters = fc.record(
      {
        disable: fc.uniqueArray(fc.constantFrom("coredns", "servicelb", "traefik", "local-storage", "metrics-server")),
        secretsEncryption: fc.boolean(),
        tlsSan: fc.array(fc.domain()),
        datastore: fc.constantFrom("auto", "etcd"),
      },
      { requiredKeys: [] },
    );
    const nodes = fc.record({
      role: fc.constantFrom("server" as const, "agent" as const),
      pauseImage: fc.option(fc.constant("registry.example/pause:3.6"), { nil: undefined }),
    });
    fc.assert(
      fc.property(clusters, nodes, (raw, node) => {
        const cluster = clusterOf(raw);
        const config = nodeConfig(cluster, { ...server, ...node });
        const text = renderConfig(node.role, config);
        const parsed = yaml.load(text) as Record<string, unknown>;
        expect(Object.keys(parsed).filter((key) => !ACCEPTED_KEYS[node.role].has(key))).toEqual([]);
        expect(Object.keys(parsed)).toEqual(Object.keys(parsed).sort());
        expect(parsed).toEqual(config);
        expect(text).not.toMatch(/^token:/m);
        expect(renderConfig(node.role, nodeConfig(clusterOf(raw), { ...server, ...node }))).toBe(text);
      }),
    );
  });

  it("refuses a key that k3s does not take", () => {
    expect(() => renderConfig("agent", { "tls-san": ["x"] })).toThrow(/k3s agent has no configuration key "tls-san"/);
  });
});

describe("the table of keys", () => {
  const keysOfK3s = path.join(__dirname, "../../fixtures/k3s/config-keys.json");

  it("manages only keys that servers take", () => {
    expect([...MANAGED_KEYS].filter((key) => !ACCEPTED_KEYS.server.has(key))).toEqual([]);
    expect([...ACCEPTED_KEYS.agent].filter((key) => !ACCEPTED_KEYS.server.has(key))).toEqual(["disable-apiserver-lb"]);
  });

  it("has the keys that came with k3s 1.30 and later", () => {
    const onServers = ["etcd-s3-config-secret", "etcd-s3-proxy", "etcd-snapshot-reconcile-interval", "supervisor-metrics"];
    const onBoth = ["node-internal-dns", "node-external-dns", "nonroot-devices", "enable-pprof"];
    expect([...onServers, ...onBoth].filter((key) => !ACCEPTED_KEYS.server.has(key))).toEqual([]);
    expect(onBoth.filter((key) => !ACCEPTED_KEYS.agent.has(key))).toEqual([]);
    expect(onServers.filter((key) => ACCEPTED_KEYS.agent.has(key))).toEqual([]);
  });

  it("are those of the stand-in", () => {
    const table = fs.readFileSync(path.join(__dirname, "../../../rig/stand-ins/k3s/internal/options/keys.go"), "utf8");
    const rows = [...table.matchAll(/^\t"([a-z0-9-]+)": +\{(.*)\},$/gm)].map(([, key, row]) => ({
      key,
      agent: row.includes("agent: true"),
    }));
    expect(rows.map(({ key }) => key)).toEqual([...new Set([...ACCEPTED_KEYS.server, ...ACCEPTED_KEYS.agent])].sort());
    expect(rows.filter(({ agent }) => agent).map(({ key }) => key)).toEqual([...ACCEPTED_KEYS.agent].sort());
  });

  it("is that of the pinned minor, each key of it and no other", () => {
    const minor = /^v\d+\.\d+/.exec(versions.k3s.version)![0];
    const table = JSON.parse(fs.readFileSync(keysOfK3s, "utf8"))[minor] as Record<"server" | "agent", string[]>;
    expect([...ACCEPTED_KEYS.server].sort()).toEqual(table.server);
    expect([...ACCEPTED_KEYS.agent].sort()).toEqual(table.agent);
  });

  it("has all of k3s 1.30", () => {
    const { server: keys, agent: agentKeys } = JSON.parse(fs.readFileSync(keysOfK3s, "utf8")) as Record<string, string[]>;
    expect(keys.filter((key) => !ACCEPTED_KEYS.server.has(key))).toEqual([]);
    expect(agentKeys.filter((key) => !ACCEPTED_KEYS.agent.has(key))).toEqual([]);
  });
});

import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import * as yaml from "js-yaml";
import { imagesOf } from "../../../components/core/images";
import { nodeConfig, renderConfig } from "../../../components/k3s/config";
import { nodeFiles } from "../../../components/k3s/files";
import { imageArchives, nodeExtras } from "../../../components/k3s/k3s-cluster";
import { installCommand, readAtStart } from "../../../components/k3s/k3s-node";
import { packagedComponents } from "../../../components/k3s/packaged-components";
import { virtualAddressManifest } from "../../../components/k3s/virtual-address";
import versions from "../../../versions.json";
import { clusterOf, filesOf } from "../../support/k3s-options";

const secrets = { token: "TOKEN", agentToken: "AGENT-TOKEN", nodePassword: "NODE-PASSWORD" };
const images = imagesOf({ "kube-vip": "registry.example/kube-vip:v1", taskd: "registry.example/taskd:1" });
const extras = (role: "server" | "agent", raw: Record<string, unknown>) => nodeExtras(role, filesOf(raw), images);
const byPath = (files: readonly { path: string; content?: string }[]) =>
  Object.fromEntries(files.map(({ path, content }) => [path, content]));

describe("a node's own files", () => {
  it("give a server both tokens and an agent only its own", () => {
    const server = byPath(nodeFiles("server", "config", { labels: {}, taints: [] }, secrets));
    const agent = byPath(nodeFiles("agent", "config", { labels: {}, taints: [] }, secrets));
    expect(server["/etc/rancher/k3s/token"]).toBe("TOKEN\n");
    expect(server["/etc/rancher/k3s/agent-token"]).toBe("AGENT-TOKEN\n");
    expect(agent["/etc/rancher/k3s/token"]).toBe("AGENT-TOKEN\n");
    expect(agent["/etc/rancher/k3s/agent-token"]).toBeUndefined();
    expect(JSON.stringify(agent)).not.toContain('"TOKEN');
  });

  it("show in the command when k3s has to read them anew: another token, not another label", () => {
    const read = (label: string, token: string) =>
      readAtStart(nodeFiles("agent", "config", { labels: { disk: label }, taints: [] }, { ...secrets, agentToken: token }));
    expect(read("ssd", "a")).toBe(read("hdd", "a"));
    expect(read("ssd", "b")).not.toBe(read("ssd", "a"));
  });

  it("are readable by root only", () => {
    expect(nodeFiles("server", "config", { labels: {}, taints: [] }, secrets).map(({ mode }) => mode)).toEqual(new Array(5).fill("0600"));
  });
});

describe("files by setting", () => {
  it("are named whether wanted or not, so that a setting taken back takes its file away", () => {
    const everything = {
      hardening: true,
      virtualAddress: "192.168.200.10",
      addressPool: { addresses: ["192.168.200.240 - 192.168.200.250"] },
      storage: { onDelete: "retain" },
      datastore: { endpoint: "postgres://user:hush@db/k3s" },
      registries: { mirrors: { "docker.io": { endpoints: ["http://mirror.example:5000"] } } },
      backups: { s3: { endpoint: "https://s3.example", bucket: "lab", accessKey: "key", secretKey: "hush" } },
      updates: { packages: "security", restart: "window", days: ["saturday", "sunday"], from: "22:30", to: "04:00" },
    };
    const on = extras("server", everything);
    const off = extras("server", { backups: { enabled: false } });
    expect(on.map(({ path }) => path)).toEqual(off.map(({ path }) => path));
    expect(on.filter(({ content }) => content === undefined)).toEqual([]);
    expect(off.filter(({ content }) => content !== undefined)).toEqual([]);
    expect(byPath(on)).toMatchSnapshot();
  });

  it("keep what is secret in files for root only", () => {
    const files = extras("server", {
      datastore: { endpoint: "postgres://user:hush@db/k3s" },
      registries: { hosts: { "registry.example": { auth: { username: "lab", password: "hush" } } } },
      backups: { s3: { endpoint: "https://s3.example", bucket: "lab", accessKey: "key", secretKey: "hush" } },
    });
    const withSecret = files.filter(({ content }) => content?.includes("hush"));
    expect(withSecret.map(({ path }) => path).sort()).toEqual([
      "/etc/homelab/backup.conf",
      "/etc/rancher/k3s/config.yaml.d/15-datastore.yaml",
      "/etc/rancher/k3s/registries.yaml",
    ]);
    expect(withSecret.map(({ mode }) => mode)).toEqual(["0600", "0600", "0600"]);
  });

  it("leave agents without manifests, backups and datastore", () => {
    const paths = extras("agent", { virtualAddress: "192.168.200.10", hardening: true }).flatMap(({ path, content }) =>
      content ? [path] : [],
    );
    expect(paths).toEqual(["/etc/sysctl.d/90-homelab-kubelet.conf"]);
  });
});

describe("hardening", () => {
  const node = { name: "n", address: "192.168.200.11", endpoint: "https://192.168.200.11:6443", etcd: true, apiNames: [] };

  it("adds to the arguments that the settings give, and stays within the keys of each role", () => {
    const cluster = clusterOf({
      hardening: true,
      extraConfig: { server: { "kubelet-arg": ["max-pods=50"] }, agent: { "kubelet-arg": ["max-pods=60"] } },
    });
    const server = nodeConfig(cluster, { ...node, role: "server" });
    const agent = nodeConfig(cluster, { ...node, role: "agent" });
    expect(server["kubelet-arg"]).toContain("max-pods=50");
    expect((server["kubelet-arg"] as string[]).length).toBe(3);
    expect(server["kube-apiserver-arg"]).toContain("audit-policy-file=/etc/rancher/k3s/audit.yaml");
    expect(agent).not.toHaveProperty("kube-apiserver-arg");
    expect(() => [renderConfig("server", server), renderConfig("agent", agent)]).not.toThrow();
  });
});

describe("the address pool", () => {
  it("lets MetalLB's speaker run where hardening makes restricted the default", () => {
    const { "/var/lib/rancher/k3s/server/manifests/homelab-address-pool.yaml": manifest, "/etc/rancher/k3s/admission.yaml": admission } =
      byPath(extras("server", { hardening: true, addressPool: { addresses: ["192.168.200.240 - 192.168.200.250"] } }));
    expect(admission).toContain("enforce: restricted");
    const objects = yaml.loadAll(manifest as string) as { kind: string; metadata: { name: string; labels: object }; spec: object }[];
    const chart = objects.find(({ kind }) => kind === "HelmChart") as { spec: { targetNamespace: string } };
    const namespace = objects.find(({ kind, metadata }) => kind === "Namespace" && metadata.name === chart.spec.targetNamespace);
    expect(namespace?.metadata.labels).toMatchObject({ "pod-security.kubernetes.io/enforce": "privileged" });
  });
});

describe("volumes that are kept", () => {
  it("are of k3s' own kind, with fsGroup and statistics", () => {
    const standIn = fs.readFileSync(
      path.join(__dirname, "../../../rig/stand-ins/k3s/internal/addons/manifests/local-storage.yaml"),
      "utf8",
    );
    const { "/var/lib/rancher/k3s/server/manifests/homelab-storage.yaml": retained } = byPath(
      extras("server", { storage: { onDelete: "retain" } }),
    );
    const classes = [...yaml.loadAll(standIn), yaml.load(retained as string)] as { kind: string; metadata: { annotations: object } }[];
    const annotations = classes.filter(({ kind }) => kind === "StorageClass").map(({ metadata }) => metadata.annotations);
    expect(annotations).toHaveLength(2);
    expect(annotations.filter((each) => !("defaultVolumeType" in each && each.defaultVolumeType === "local"))).toEqual([]);
  });
});

describe("packaged components", () => {
  it("are all waited for, Traefik too where its chart is installed", () => {
    expect(packagedComponents(clusterOf({ disable: [] }))).toEqual(["coredns", "local-storage", "metrics-server", "traefik"]);
    expect(packagedComponents(clusterOf({}))).toEqual(["coredns", "local-storage"]);
    const without = { disable: ["metrics-server"], extraConfig: { server: { "disable-helm-controller": true } } };
    expect(packagedComponents(clusterOf(without))).toEqual(["coredns", "local-storage"]);
  });
});

describe("the virtual address", () => {
  it("has a short lease, and its image and card from the settings", () => {
    const text = virtualAddressManifest({ address: "192.168.200.10", interface: "enp1s0", image: "registry.example/kube-vip:v1" });
    const objects = yaml.loadAll(text) as any[];
    const [container] = objects[3].spec.template.spec.containers;
    const env = Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]));
    expect(objects.map(({ kind }) => kind)).toEqual(["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "DaemonSet"]);
    expect(container.image).toBe("registry.example/kube-vip:v1");
    expect(env).toMatchObject({ address: "192.168.200.10", vip_interface: "enp1s0", vip_arp: "true", cp_enable: "true" });
    // The holder gives up before another may take over.
    expect(Number(env.vip_renewdeadline)).toBeLessThan(Number(env.vip_leaseduration));
    expect(Number(env.vip_leaseduration)).toBeLessThan(10);
  });
});

describe("the install command", () => {
  const machine = { name: "node1" } as never;
  const role = "server";

  it("names the source's addresses and holds no secret, whatever the settings", () => {
    const online = installCommand({ machine, role, lead: true, cluster: clusterOf({}), imageArchives: [] }, "config", []);
    const { url, sha256 } = versions.k3s.installScript;
    expect(online).toContain(`source=online script=${url}`);
    expect(online).toContain(`pin-script=${sha256}`);
    expect(online).not.toContain("mirror=");
    // Of another script only who names it can know the checksum.
    const other = clusterOf({ install: { source: "online", script: "https://get.k3s.io" } });
    expect(installCommand({ machine, role, lead: true, cluster: other, imageArchives: [] }, "config", [])).not.toContain("pin-script");
    const mirror = clusterOf({ install: { source: "mirror", url: "http://192.168.200.1:5248/" } });
    expect(
      installCommand({ machine, role, lead: true, cluster: mirror, imageArchives: ["taskd"] }, "config", ["192.168.200.12"]),
    ).toContain(
      "script=http://192.168.200.1:5248/install.sh releases=http://192.168.200.1:5248/k3s mirror=http://192.168.200.1:5248 archives=taskd",
    );
  });

  it("changes with the config, and with nothing that is not asked of it", () => {
    const of = (config: string) => installCommand({ machine, role, lead: true, cluster: clusterOf({}), imageArchives: [] }, config, []);
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => (of(a) === of(b)) === (a === b)));
  });

  it("asks for authorities from the second generation on, and one server to make them", () => {
    const of = (cluster: Record<string, unknown>, lead: boolean) =>
      installCommand({ machine, role, lead, cluster: clusterOf(cluster), imageArchives: [] }, "", []);
    // A lab that was there before there was a number runs nothing anew.
    expect(of({}, true)).toBe(of({ authorityGeneration: 1 }, false));
    expect(of({}, true)).not.toMatch(/authorities|lead/);
    expect(of({ authorityGeneration: 2 }, true)).toContain(" authorities=2 lead=true");
    expect(of({ authorityGeneration: 2 }, false)).toMatch(/authorities=2(?! lead)/);
  });

  it("imports every overridden image from a mirror, or those that are named, and none online", () => {
    const archives = (install: object) => imageArchives(clusterOf({ install }).install, images);
    expect(archives({ source: "mirror", url: "http://m" })).toEqual(["kube-vip", "taskd"]);
    expect(archives({ source: "mirror", url: "http://m", imageArchives: [] })).toEqual([]);
    expect(archives({ source: "online" })).toEqual([]);
  });
});

import { certificateDrift } from "../../../cli/drift/certificates";
import { type Finding, renderDrift } from "../../../cli/drift/finding";
import { digest, nodeAnswers } from "../../../cli/drift/hosts";
import { nodeDrift } from "../../../cli/drift/nodes";
import { differences, objectDrift, pathOf, plural } from "../../../cli/drift/objects";
import { repairArguments } from "../../../cli/drift/repair";
import type { StateResource } from "../../../cli/drift/state";
import { maasDrift } from "../../../cli/drift/steps";
import type { MaasClient } from "../../../components/maas/api/client";
import { inventoryOf } from "../../../components/maas/api/inventory";
import { digestOf } from "../../../components/maas/steps/digest";

const resource = (type: string, name: string, inputs: object, outputs: object = {}, id = name): StateResource => ({
  urn: `urn:pulumi:sim::homelab::${type}::${name}`,
  type,
  name,
  id,
  inputs,
  outputs,
});
const step = (name: string, which: string, desired: object, observed: object = {}) =>
  resource(
    "command:local:Command",
    name,
    { create: `node maas/step.cjs ${which} create`, stdin: JSON.stringify(desired) },
    { stdout: JSON.stringify(observed) },
  );
const summary = (findings: Finding[]) =>
  findings.map(({ subject, property, expected, found, repair }) => [subject, property, expected, found, repair.by]);

describe("drift of a machine", () => {
  const hardware = {
    hardware_info: { mainboard_firmware_vendor: "Intel", mainboard_firmware_version: "0062", cpu_model: "Unknown" },
    memory: 16384,
    blockdevice_set: [{ name: "nvme0n1", type: "physical", size: 500e9, serial: "S4" }],
    interface_set: [{ type: "physical", mac_address: "52:54:00:C8:00:01" }],
  };
  const deployment = { stack: "homelab/sim", incarnation: "a1", ephemeral: false, hardwareSync: false, userData: "#cloud-config" };
  const enlisted = { name: "node1", macAddresses: ["52:54:00:c8:00:01"], powerType: "virsh", tags: ["rack"], zone: "attic" };
  const live: any = {
    ...hardware,
    hostname: "node1",
    power_type: "virsh",
    power_state: "on",
    zone: { name: "attic" },
    pool: { name: "default" },
    tag_names: ["rack", "virtual"],
    status: 6,
    status_name: "Deployed",
    distro_series: "noble",
    owner_data: { "homelab-stack": "homelab/sim", "homelab-deployment": digestOf(deployment), "homelab-finished": "true" },
  };
  const state = [
    step("node1-enlistment", "enlist", enlisted),
    step("node1-commissioning", "commission", enlisted, { inventory: inventoryOf(live) }),
    step("node1-deployment", "deploy", { ...enlisted, ...deployment }, { release: "noble" }),
  ];
  const drift = (machines: object[]) => maasDrift({ get: async () => machines } as unknown as MaasClient, state);
  const drifted = async (change: object) => summary((await drift([{ ...live, ...change }])).findings);

  it("is none when MAAS has it as it was left", async () => {
    expect(await drift([live])).toEqual({ findings: [], unknown: [], notCompared: [] });
  });

  it.each([
    ["released by hand", { status: 4, status_name: "Ready" }, ["node1", "status", "Deployed", "Ready", "replace"]],
    ["deployed by somebody else", { owner_data: {} }, ["node1", "deployment", "this stack's", "another one, made by hand", "replace"]],
    ["switched off", { power_state: "off" }, ["node1", "power", "on", "off", "none"]],
    ["without its tag", { tag_names: ["virtual"] }, ["node1", "tags", "rack", "nothing", "step"]],
    ["in another zone", { zone: { name: "cellar" } }, ["node1", "zone", "attic", "cellar", "step"]],
    [
      "with another firmware",
      { hardware_info: { ...hardware.hardware_info, mainboard_firmware_version: "0063" } },
      ["node1", "inventory: firmware", "Intel 0062", "Intel 0063", "none"],
    ],
    ["without its disk", { blockdevice_set: [] }, ["node1", "inventory: disks", "nvme0n1 500 GB S4", "nothing", "none"]],
    ["half released", { osystem: "", netboot: true }, ["node1", "release", "noble", expect.stringContaining("unknown"), "none"]],
  ])("is seen when it is %s", async (_, change, expected) => {
    expect(await drifted(change)).toEqual([expected]);
  });

  it("names the resources that put it right", async () => {
    const repairs = async (change: object) => (await drift([{ ...live, ...change }])).findings.map(({ repair }) => repair);
    expect(await repairs({ zone: { name: "cellar" }, owner_data: {} })).toEqual([
      { says: "edited in MAAS", by: "step", resources: ["node1-enlistment"] },
      { says: "redeployed, with what runs on it", by: "replace", resources: ["node1-incarnation"], destructive: true },
    ]);
  });

  it("is seen when it is gone, and repaired from the enlistment on", async () => {
    const { findings } = await drift([]);
    expect(summary(findings)).toEqual([["node1", "existence", "in MAAS", "not in MAAS", "replace"]]);
    expect(repairArguments({ findings })).toEqual(["--replace", "**::node1-enlistment", "--replace", "**::node1-incarnation"]);
  });
});

describe("drift of what steps made of the region", () => {
  const answers = (subnet: object | undefined) => ({ get: async () => (subnet ? [subnet] : []) }) as unknown as MaasClient;
  const cidr = "10.0.0.0/24";
  const state = [step("maas-network-subnet", "subnet", { cidr, gateway: "10.0.0.1", dnsServers: [] }, { id: 1 })];
  const live = { cidr, gateway_ip: "10.0.0.1", dns_servers: ["9.9.9.9"], vlan: { fabric: "fabric-0", vid: 0, mtu: 1500, space: "" } };

  it("compares what the settings name, and leaves the rest to MAAS", async () => {
    expect((await maasDrift(answers(live), state)).findings).toEqual([]);
    expect(summary((await maasDrift(answers({ ...live, gateway_ip: null }), state)).findings)).toEqual([
      [`subnet ${cidr}`, "gateway", "10.0.0.1", "nothing", "step"],
    ]);
    expect((await maasDrift(answers(undefined), state)).findings).toMatchObject([
      { found: "not in MAAS", repair: { by: "step", resources: ["maas-network-subnet"] } },
    ]);
  });

  it("finds the steps of a program that uses the packed library", async () => {
    const [own] = state;
    own.inputs.create = "node node_modules/@homelab/components/dist/components/maas/run/step.cjs subnet create";
    expect((await maasDrift(answers(undefined), [own])).findings).toHaveLength(1);
  });

  it("says what nothing is compared of", async () => {
    const { findings, unknown, notCompared } = await maasDrift(answers(live), [
      step("asked", "others", {}),
      step("later", "nap-of-machines", {}),
    ]);
    expect([findings, unknown]).toEqual([[], []]);
    expect(renderDrift({ stack: "lab", findings, unknown, notCompared })).toBe(
      "not compared: asked: it is a question, asked anew at each preview\n" +
        "not compared: later: this version has no step nap-of-machines\n" +
        "lab: everything that is compared is as settings and state say.\n",
    );
  });

  it("asks about the rest where one cannot be read", async () => {
    const dhcp = step("maas-network-dhcp", "dhcp", { subnet: cidr, on: true, primaryRack: "gone" });
    const replies: Record<string, unknown> = {
      "rackcontrollers/": [{ hostname: "other", system_id: "r1" }],
      "subnets/": [{ ...live, vlan: { ...live.vlan, id: 5 } }],
      "vlans/5/": { ...live.vlan, dhcp_on: true, primary_rack: "r1" },
    };
    const client = { get: async (path: string) => replies[path] };
    expect(await maasDrift(client as unknown as MaasClient, [dhcp, ...state])).toMatchObject({
      findings: [],
      unknown: [{ source: "MAAS", subject: `DHCP on ${cidr}`, reason: expect.stringContaining("no rack controller gone") }],
    });
  });
});

describe("drift of Kubernetes' objects", () => {
  it("compares what the stack wrote, in whatever way it is said, and nothing else", () => {
    const wanted = { spec: { replicas: 1, memory: "1Gi", list: [{ a: 1 }], empty: {}, off: false } };
    expect(differences(wanted, { spec: { replicas: 1, memory: "1024Mi", list: [{ a: 1, b: 2 }] }, status: {} })).toEqual([]);
    expect(differences(wanted, { spec: { replicas: 3, memory: "1Gi", list: [] } }).map(({ path }) => path)).toEqual([
      "spec.replicas",
      "spec.list",
    ]);
  });

  it("knows where an object is", () => {
    expect(["Ingress", "NetworkPolicy", "Endpoints", "Service", "StorageClass"].map(plural)).toEqual([
      "ingresses",
      "networkpolicies",
      "endpoints",
      "services",
      "storageclasses",
    ]);
    const policy = resource("kubernetes:x", "p", { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" }, {}, "tasks/taskd");
    expect(pathOf(policy)).toBe("/apis/networking.k8s.io/v1/namespaces/tasks/networkpolicies/taskd");
    expect(pathOf(resource("kubernetes:x", "n", { apiVersion: "v1", kind: "Namespace" }, {}, "tasks"))).toBe("/api/v1/namespaces/tasks");
  });

  it("never shows a Secret's values, and says when an object is gone", () => {
    const secret = resource("kubernetes:core/v1:Secret", "s", { kind: "Secret", metadata: { name: "s" }, stringData: { key: "hunter2" } });
    expect(objectDrift(secret, { kind: "Secret", metadata: { name: "s" }, data: { key: "aHVudGVyMg==" } })).toEqual([]);
    const edited = objectDrift(secret, { kind: "Secret", metadata: { name: "s" }, data: { key: "b3RoZXI=" } });
    expect(summary(edited)).toEqual([["Secret s", "data.key", "(secret)", "another value", "refresh"]]);
    expect(summary(objectDrift(secret, undefined))).toEqual([["Secret s", "object", "there", "gone", "refresh"]]);
    expect(repairArguments({ findings: edited })).toEqual(["--refresh"]);
  });
});

describe("drift of nodes and certificates", () => {
  it("sees nodes that are missing, not ready, of another version, without label and taint", () => {
    const machines: any[] = [
      { name: "node1", labels: { disk: "ssd" }, taints: ["a=b:NoSchedule"] },
      { name: "node2", labels: {}, taints: [] },
    ];
    const node: any = {
      metadata: { name: "node1" },
      spec: {},
      status: { conditions: [{ type: "Ready", status: "Unknown" }], nodeInfo: { kubeletVersion: "v1.33.1+k3s1" } },
    };
    expect(summary(nodeDrift({ machines, cluster: { version: "v1.34.1+k3s1" } }, [node]))).toEqual([
      ["node1", "status", "Ready", "not ready", "replace"],
      ["node1", "version", "v1.34.1+k3s1", "v1.33.1+k3s1", "replace"],
      ["node1", "label disk", "ssd", "nothing", "replace"],
      ["node1", "taint", "a=b:NoSchedule", "none", "replace"],
      ["node2", "node", "in the cluster", "not in the cluster", "replace"],
    ]);
  });

  it("sees an edited k3s configuration and a stopped service", () => {
    expect(nodeAnswers("node1", "k3s-node1", "a: b\n", `config ${digest("a: b\n")}\nunit active\n`)).toEqual([]);
    expect(summary(nodeAnswers("node1", "k3s-node1", "a: b\n", "config 12\nunit \n"))).toEqual([
      ["node1", "/etc/rancher/k3s/config.yaml", "as this stack wrote it", "another content", "replace"],
      ["node1", "service", "active", "inactive", "replace"],
    ]);
  });

  it("sees certificates that have ended or are due", () => {
    const outputs = { validityEndTime: "2026-06-01T00:00:00Z", earlyRenewalHours: 240 };
    const certificate = resource("tls:index/locallySignedCert:LocallySignedCert", "tasks-server", {}, outputs);
    const on = (date: string) => summary(certificateDrift([certificate], new Date(date))).map(([, , , found]) => found);
    expect([on("2026-05-01"), on("2026-05-25"), on("2026-06-02")]).toEqual([[], ["ends 2026-06-01"], ["ended 2026-06-01"]]);
  });

  it("is a table that says what repairs it", () => {
    const findings = nodeDrift({ machines: [{ name: "node2", labels: {}, taints: [] } as any], cluster: { version: "v1" } }, []);
    expect(renderDrift({ stack: "lab", findings, unknown: [], notCompared: [] })).toMatchSnapshot();
    expect(renderDrift({ stack: "lab", findings: [], unknown: [], notCompared: [] })).toBe(
      "lab: everything is as settings and state say.\n",
    );
  });
});

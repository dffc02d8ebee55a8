import * as pulumi from "@pulumi/pulumi";
import { allRegistered, type Registered, recordResources } from "../../support/mocks";
import { asPulumiConfig, stackSettings } from "./fixtures";

const resources: Registered[] = recordResources();
const named = (name: string) => resources.find((resource) => resource.name === name) as Registered;
const text = (name: string) => named(name).inputs.create;
const host = (name: string) => named(name).inputs.connection.host;
const fileOf = (name: string, file: string) => {
  const line = named(name)
    .inputs.stdin.split("\n")
    .find((each: string) => each.split(" ")[1] === file);
  return Buffer.from(line.split(" ")[2], "base64").toString();
};

beforeAll(async () => {
  const settings = stackSettings("sim");
  const server = (number: number) => ({
    name: `node${number}`,
    role: "server",
    macAddresses: [`52:54:00:c8:00:0${number}`],
    address: `192.168.200.1${number}`,
  });
  settings.machines = [
    server(1),
    server(2),
    server(3),
    { ...server(4), role: "agent", labels: { disk: "ssd" }, taints: ["a=b:NoSchedule"] },
  ];
  settings.cluster = { ...settings.cluster, virtualAddress: "192.168.200.10" };
  settings.images = { taskd: "homelab.internal/taskd:1.1.0", "kube-vip": "homelab.internal/kube-vip:0.8.9" };
  pulumi.runtime.setAllConfig(asPulumiConfig(settings), ["homelab:maasApiKey"]);
  const outputs: { kubeconfig: pulumi.Output<string> } = require("../../../index");
  await new Promise((resolve) => outputs.kubeconfig.apply(resolve));
  await allRegistered();
}, 120_000);

describe("three servers behind a virtual address", () => {
  it("come one after another, each told of the others, and one may start the cluster", () => {
    const order = resources.map(({ name }) => name);
    const steps = ["k3s-node1-k3s", "k3s-node2-k3s", "k3s-node3-k3s", "k3s-node4-k3s"];
    expect(steps.map((step) => order.indexOf(step))).toEqual([...steps.map((step) => order.indexOf(step))].sort((a, b) => a - b));
    expect(text("k3s-node1-k3s")).toContain("start=etcd first=true 'peers=192.168.200.12 192.168.200.13'");
    expect(text("k3s-node2-k3s")).toContain("start=etcd first=false 'peers=192.168.200.11 192.168.200.13'");
    expect(text("k3s-node4-k3s")).not.toContain("start=");
  });

  it("see all of each other's machines up before the first is installed", () => {
    const order = resources.map(({ name }) => name);
    for (const name of ["k3s-node1-ssh", "k3s-node2-ssh", "k3s-node3-ssh"]) {
      expect(order.indexOf(name)).toBeLessThan(order.indexOf("k3s-node1-k3s"));
    }
  });

  it("have the virtual address in the certificate, in the manifests and in what agents and clients use", () => {
    const config = "/etc/rancher/k3s/config.yaml";
    for (const name of ["k3s-node1-k3s", "k3s-node2-k3s", "k3s-node3-k3s"]) {
      expect(fileOf(name, config)).toMatch(/tls-san:\n {2}- 192\.168\.200\.10\n/);
      expect(fileOf(name, "/var/lib/rancher/k3s/server/manifests/homelab-kube-vip.yaml")).toContain("homelab.internal/kube-vip:0.8.9");
    }
    expect(fileOf("k3s-node4-k3s", config)).toContain("server: https://192.168.200.10:6443");
    expect(text("k3s-ready")).toContain("endpoint=https://192.168.200.10:6443");
  });

  it("take each other out of the cluster, never themselves", () => {
    expect([1, 2, 3, 4].map((number) => host(`k3s-node${number}-membership`))).toEqual([
      "192.168.200.12",
      "192.168.200.13",
      "192.168.200.11",
      "192.168.200.11",
    ]);
  });

  it("speak for themselves before an upgrade; a server speaks for the agent", () => {
    expect(named("k3s-node2-prepare")).toBeUndefined();
    expect([host("k3s-node2-admit"), host("k3s-node4-admit"), host("k3s-node4-prepare")]).toEqual([
      "192.168.200.12",
      "192.168.200.11",
      "192.168.200.11",
    ]);
  });

  it("register the agent with its labels and taints and keep them right", () => {
    expect(fileOf("k3s-node4-k3s", "/etc/rancher/k3s/config.yaml.d/20-register.yaml")).toContain("disk=ssd");
    expect(text("k3s-node4-admit")).toContain("labels=disk=ssd taints=a=b:NoSchedule");
  });

  it("keep the cluster's identity when the first of them is deployed anew", () => {
    expect(named("k3s-identity").inputs.keepers).toEqual({ server: "0123456789abcdef" });
  });
});

import * as yaml from "js-yaml";
import { kubeconfigFor } from "../../../components/k3s/kubeconfig";

const original = yaml.dump({
  apiVersion: "v1",
  kind: "Config",
  preferences: {},
  clusters: [{ name: "default", cluster: { server: "https://127.0.0.1:6443", "certificate-authority-data": "Q0E=" } }],
  contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
  users: [{ name: "default", user: { "client-certificate-data": "Q1JU", "client-key-data": "S0VZ" } }],
  "current-context": "default",
});

describe("kubeconfigFor", () => {
  it("puts the address and the lab's name in and keeps the credentials", () => {
    expect(yaml.load(kubeconfigFor(original, "homelab", "https://192.168.200.11:6443"))).toEqual({
      apiVersion: "v1",
      kind: "Config",
      preferences: {},
      clusters: [{ name: "homelab", cluster: { server: "https://192.168.200.11:6443", "certificate-authority-data": "Q0E=" } }],
      contexts: [{ name: "homelab", context: { cluster: "homelab", user: "homelab-admin" } }],
      users: [{ name: "homelab-admin", user: { "client-certificate-data": "Q1JU", "client-key-data": "S0VZ" } }],
      "current-context": "homelab",
    });
  });

  it.each(["", "not: [a kubeconfig", "S0VZ: secret"])("says what is wrong without quoting %j", (text) => {
    expect(() => kubeconfigFor(text, "homelab", "https://x:6443")).toThrow("is not the one that k3s writes");
    try {
      kubeconfigFor(text, "homelab", "https://x:6443");
    } catch (error) {
      expect(text === "" || !(error as Error).message.includes(text)).toBe(true);
    }
  });
});

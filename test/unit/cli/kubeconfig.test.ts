import * as yaml from "js-yaml";
import { mergeKubeconfig } from "../../../cli/live/kubeconfig";

const lab = yaml.dump({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "k3s", cluster: { server: "https://192.168.200.11:6443" } }],
  users: [{ name: "admin", user: { token: "t" } }],
  contexts: [{ name: "k3s", context: { cluster: "k3s", user: "admin" } }],
  "current-context": "k3s",
});
const options = { use: false, file: "~/.kube/config" };
const parsed = (text: string) => yaml.load(text) as any;

describe("merging the lab's cluster into a kubeconfig", () => {
  it("makes it the current context where there was no file", () => {
    const merged = parsed(mergeKubeconfig("", lab, "homelab-sim", options));
    expect(merged["current-context"]).toBe("homelab-sim");
    expect(merged.contexts).toEqual([{ name: "homelab-sim", context: { cluster: "homelab-sim", user: "homelab-sim" } }]);
  });

  it("leaves other clusters, the current context and unknown fields alone", () => {
    const own = yaml.dump({
      apiVersion: "v1",
      kind: "Config",
      preferences: { colors: true },
      clusters: [{ name: "work", cluster: { server: "https://work" } }],
      users: null,
      contexts: [{ name: "work", context: { cluster: "work", user: "me" } }],
      "current-context": "work",
    });
    const merged = parsed(mergeKubeconfig(own, lab, "homelab-sim", options));
    expect(merged["current-context"]).toBe("work");
    expect(merged.preferences).toEqual({ colors: true });
    expect(merged.clusters.map(({ name }: { name: string }) => name)).toEqual(["work", "homelab-sim"]);
    expect(parsed(mergeKubeconfig(own, lab, "homelab-sim", { ...options, use: true }))["current-context"]).toBe("homelab-sim");
  });

  it("changes nothing the second time", () => {
    const once = mergeKubeconfig("", lab, "homelab-sim", options);
    expect(mergeKubeconfig(once, lab, "homelab-sim", options)).toBe(once);
  });

  it("refuses what is not a kubeconfig, naming the file", () => {
    expect(() => mergeKubeconfig("kind: Pod\n", lab, "homelab-sim", options)).toThrow("~/.kube/config: not a kubeconfig");
    expect(() => mergeKubeconfig(":\n  - [", lab, "homelab-sim", options)).toThrow("~/.kube/config: not YAML");
  });
});

import { withVersion } from "../../../cli/new/edit-version";

const file = "Pulumi.lab.yaml";
const edited = (text: string) => withVersion(text, file, "v1.36.5+k3s1");

describe("another version of k3s in a stack file", () => {
  it.each([
    [
      "in place of the one that is there",
      "config:\n  homelab:cluster:\n    install: { source: online }\n    version: v1.35.8+k3s1 # for now\n",
      "config:\n  homelab:cluster:\n    install: { source: online }\n    version: v1.36.5+k3s1 # for now\n",
    ],
    [
      "quoted or not, in flow style",
      "config: { homelab:cluster: { version: 'v1.35.8+k3s1', hardening: true } }\n",
      "config: { homelab:cluster: { version: v1.36.5+k3s1, hardening: true } }\n",
    ],
    [
      "as a line of its own",
      "# My lab.\nconfig:\n  homelab:cluster:\n    # As the manual says.\n    hardening: true\n  homelab:protect: true\n",
      "# My lab.\nconfig:\n  homelab:cluster:\n    # As the manual says.\n    version: v1.36.5+k3s1\n    hardening: true\n  homelab:protect: true\n",
    ],
    ["in an empty map", "config:\n  homelab:cluster: {}\n", "config:\n  homelab:cluster: { version: v1.36.5+k3s1 }\n"],
    [
      "in a map in flow style",
      "config:\n  homelab:cluster: {hardening: true}\n",
      "config:\n  homelab:cluster: { version: v1.36.5+k3s1,hardening: true}\n",
    ],
    [
      "where nothing is said of the cluster",
      "config:\n    homelab:protect: true\n",
      "config:\n    homelab:cluster:\n      version: v1.36.5+k3s1\n    homelab:protect: true\n",
    ],
  ])("stands %s", (_, before, after) => {
    expect(edited(before)).toBe(after);
  });

  it.each([
    ["there is no configuration", "encryptionsalt: x\n"],
    ["the cluster is no map", "config:\n  homelab:cluster: none\n"],
  ])("is refused where %s", (_, text) => {
    expect(() => edited(text)).toThrow("has no map homelab:cluster where the version could be set");
  });
});

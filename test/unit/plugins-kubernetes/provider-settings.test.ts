import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { activeCluster, connectionOf, loadKubeconfig, parseKubeconfig } from "../../../rig/stand-ins/plugins/kubernetes/kubeconfig";
import { checkSettings, diffSettings, readSettings } from "../../../rig/stand-ins/plugins/kubernetes/settings";
import { Secret, unknown } from "../../../rig/stand-ins/plugins/protocol";

const config = (server: string, user = "token: t") =>
  [
    "apiVersion: v1",
    "kind: Config",
    `clusters: [{name: k, cluster: {server: '${server}'}}, {name: other, cluster: {server: 'https://10.0.0.2'}}]`,
    `users: [{name: u, user: {${user}}}]`,
    "contexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}, {name: d, context: {cluster: other, user: u}}]",
    "current-context: c",
  ].join("\n");
const A = config("https://10.0.0.1:6443");
const B = config("https://10.0.0.9:6443");
const diff = (olds: any, news: any) =>
  diffSettings({ ...({ urn: "", type: "", name: "", id: "", oldInputs: olds, ignoreChanges: [] } as any), olds }.olds, news);

describe("diffSettings", () => {
  it("replaces when the kubeconfig leads to another cluster, and only then", () => {
    expect(diff({ kubeconfig: A }, { kubeconfig: A })).toEqual({ changes: "none" });
    expect(diff({ kubeconfig: A }, { kubeconfig: B })).toEqual({ changes: "some", diffs: ["kubeconfig"], replaces: ["kubeconfig"] });
    expect(diff({ kubeconfig: A }, { kubeconfig: `${A}\n# comment` })).toEqual({ changes: "some", diffs: ["kubeconfig"] });
    expect(diff({ kubeconfig: A }, { kubeconfig: config("https://10.0.0.1:6443", "token: new") })).toEqual({
      changes: "some",
      diffs: ["kubeconfig"],
    });
    expect(diff({ kubeconfig: A }, { kubeconfig: A, context: "d" })).toEqual({
      changes: "some",
      diffs: ["context"],
      replaces: ["context"],
    });
    expect(diff({ kubeconfig: new Secret(A) }, { kubeconfig: new Secret(B) })).toMatchObject({ replaces: ["kubeconfig"] });
  });

  it("replaces when the kubeconfig is not known, unless the cluster's identifier stays", () => {
    expect(diff({ kubeconfig: A }, { kubeconfig: unknown })).toEqual({ changes: "some", diffs: ["kubeconfig"], replaces: ["kubeconfig"] });
    expect(diff({ clusterIdentifier: "i", kubeconfig: A }, { clusterIdentifier: "i", kubeconfig: unknown })).toEqual({
      changes: "some",
      diffs: ["kubeconfig"],
    });
    expect(diff({ clusterIdentifier: "i", kubeconfig: A }, { clusterIdentifier: "i", kubeconfig: B })).toEqual({
      changes: "some",
      diffs: ["kubeconfig"],
    });
    expect(diff({ clusterIdentifier: "i", kubeconfig: A }, { clusterIdentifier: "j", kubeconfig: A })).toMatchObject({
      replaces: ["clusterIdentifier"],
    });
  });

  it("replaces for another render directory, and fails on a kubeconfig that is none", () => {
    expect(diff({ renderYamlToDirectory: "a" }, { renderYamlToDirectory: "b" })).toMatchObject({ replaces: ["renderYamlToDirectory"] });
    expect(() => diff({ kubeconfig: A }, { kubeconfig: "this: is: not" })).toThrow(
      "failed to parse kubeconfig: yaml: mapping values are not allowed",
    );
  });
});

describe("checkSettings", () => {
  it("refuses settings that exclude each other", () => {
    const failures = (news: any, environment = {}) => checkSettings("urn:x::p", news, environment).failures;
    expect(failures({ renderYamlToDirectory: "d", kubeconfig: A, context: "c" })).toEqual([
      { property: "context", reason: '"context" arg is not compatible with "renderYamlToDirectory" arg' },
      { property: "kubeconfig", reason: '"kubeconfig" arg is not compatible with "renderYamlToDirectory" arg' },
    ]);
    expect(failures({ renderYamlToDirectory: "d", kubeconfig: "/home/x/config" })).toBeUndefined();
    expect(failures({ renderYamlToDirectory: "d", kubeconfig: A }, { KUBECONFIG: A })).toBeUndefined();
    expect(failures({ strictMode: "true" })?.map(({ property }) => property)).toEqual(["kubeconfig", "context"]);
  });
});

describe("readSettings", () => {
  it("lets the provider's own settings go before the environment", () => {
    expect(readSettings({}, {})).toMatchObject({ serverSideApply: true, deleteUnreachable: false, upsertExistingObjects: false });
    expect(readSettings({}, { PULUMI_K8S_DELETE_UNREACHABLE: "true" }).deleteUnreachable).toBe(true);
    expect(
      readSettings({ "kubernetes:config:deleteUnreachable": "false" }, { PULUMI_K8S_DELETE_UNREACHABLE: "true" }).deleteUnreachable,
    ).toBe(false);
    expect(readSettings({ "kubernetes:config:kubeClientSettings": '{"timeout":5}' }, {}).requestTimeout).toBe(5000);
  });
});

describe("kubeconfigs", () => {
  it("lead to the server, the credentials and the namespace of the context in use", () => {
    const connection = connectionOf(parseKubeconfig(A), {});
    expect(connection).toMatchObject({ server: "https://10.0.0.1:6443", namespace: "ns", skipVerify: false });
    expect(connection.authorization?.()).toBe("Bearer t");
    expect(connectionOf(parseKubeconfig(A), { context: "d", namespace: "mine" })).toMatchObject({
      server: "https://10.0.0.2",
      namespace: "mine",
    });
    expect(activeCluster(parseKubeconfig(A), { cluster: "other" })).toEqual({ server: "https://10.0.0.2" });
    expect(connectionOf(parseKubeconfig(config("https://h", "username: a, password: b")), {}).authorization?.()).toBe("Basic YTpi");
  });

  it("are read from text, from a file with its relative paths, and from $KUBECONFIG", () => {
    const directory = fs.mkdtempSync(path.join(tmpdir(), "kubeconfig-"));
    const file = path.join(directory, "config");
    fs.writeFileSync(path.join(directory, "key.pem"), "KEY");
    fs.writeFileSync(file, config("https://h", "client-key: key.pem"));
    expect(connectionOf(loadKubeconfig(file), {}).key?.toString()).toBe("KEY");
    expect(connectionOf(loadKubeconfig(undefined, { KUBECONFIG: `/nowhere:${file}` }), {}).server).toBe("https://h");
    fs.rmSync(directory, { recursive: true });
  });

  it("are refused in the words that Kubernetes' users know", () => {
    expect(() => connectionOf(parseKubeconfig(A), { context: "nope" })).toThrow('context "nope" does not exist');
    expect(() => connectionOf(parseKubeconfig(""), {})).toThrow("no configuration has been provided");
    expect(() => loadKubeconfig("/no/such/file")).toThrow(
      "failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- couldn't get version/kind",
    );
  });
});

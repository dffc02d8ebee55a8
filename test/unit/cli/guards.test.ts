import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { renderMarkdown } from "../../../cli/report/comment";
import { missingConsents } from "../../../cli/report/consent";
import type { Preview } from "../../../cli/report/preview";
import { renderText, reportOf } from "../../../cli/report/report";
import { enforcement, violations } from "../../../components/guards/policy";
import { guardedSubject, protection } from "../../../components/guards/protection";
import { consents, consentsAtOnce, fingerprint, mayLose } from "../../../settings/fingerprint";
import type { Settings } from "../../../settings/schema";
import { parseSettings } from "../../../settings/validate";
import versions from "../../../versions.json";
import { readFixture } from "../../support/previews/fixture";

const { config } = yaml.load(fs.readFileSync(path.join(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as { config: Record<string, any> };
const plain = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), value]));

function settings(edit: (draft: any) => void = () => undefined): Settings {
  const draft = structuredClone({ ...plain, protect: true, maasApiKey: "a:b:c" });
  edit(draft);
  return parseSettings(draft);
}

describe("a consent", () => {
  const release = (name: string) => (draft: any) => {
    draft.machines[1].release = name;
  };

  it("fits one change of one machine, and no later one", () => {
    const wanted = fingerprint(settings(release("jammy")), "node2");
    expect(wanted).toMatch(/^[0-9a-f]{8}$/);
    expect(fingerprint(settings(release("noble")), "node2")).not.toBe(wanted);
    expect(fingerprint(settings(release("jammy")), "node1")).toBe(fingerprint(settings(), "node1"));
    const labelled = (draft: any) => {
      release("jammy")(draft);
      Object.assign(draft.machines[1], { labels: { a: "b" }, tags: ["spare"] });
    };
    expect(fingerprint(settings(labelled), "node2")).toBe(wanted);
  });

  it("takes the protection off what it names only", () => {
    const given = settings((draft) => {
      release("jammy")(draft);
      draft.consent = { node2: fingerprint(settings(release("jammy")), "node2") };
    });
    const protect = (of: Settings, type: string, name: string) =>
      protection((subject) => consents(of, subject))({ type, name, props: {}, opts: {}, resource: undefined as any })?.opts as
        | { protect?: boolean }
        | undefined;
    const command = "command:local:Command";
    expect(protect(given, command, "node2-deployment")).toEqual({ protect: false });
    expect(protect(given, command, "node1-deployment")).toEqual({ protect: true });
    expect(protect(given, "kubernetes:core/v1:PersistentVolumeClaim", "tasks-taskd-data")).toEqual({ protect: true });
    expect(protect(given, "kubernetes:core/v1:Service", "tasks-taskd")).toBeUndefined();
    expect(protect({ ...given, protect: false }, command, "node1-deployment")).toEqual({ protect: false });
    expect(guardedSubject(command, "node1-commissioning")).toBeUndefined();
  });

  it("is asked for by the report, with the lines to add", () => {
    const changed = settings(release("jammy"));
    const report = reportOf("lab", readFixture("operating-system"), changed);
    expect(report.consents).toMatchObject([{ subject: "node2", given: false }]);
    expect(renderText(report)).toContain(`homelab:consent:\n    node2: "${report.consents[0].fingerprint}"`);
    const given = { ...changed, consent: { node2: String(report.consents[0].fingerprint) } };
    expect(renderText(reportOf("lab", readFixture("operating-system"), given))).not.toContain("homelab:consent");
    expect(reportOf("sim", readFixture("operating-system"), { ...changed, protect: false }).consents).toEqual([]);
  });

  it("is asked for each volume that goes with the only server, and for a machine that leaves", () => {
    const subjects = (name: string) =>
      reportOf("lab", readFixture(name), settings())
        .consents.map(({ subject }) => subject)
        .sort();
    expect(subjects("user-data-of-the-server")).toEqual([
      "monitoring-alertmanager-data",
      "monitoring-namespace",
      "monitoring-prometheus-data",
      "node1",
      "tasks-namespace",
      "tasks-taskchampion-backup-volume",
      "tasks-taskchampion-data",
      "tasks-taskd-backup-volume",
      "tasks-taskd-data",
    ]);
    expect(subjects("machine-removed")).toEqual(["node2"]);
    expect(subjects("tag")).toEqual([]);
  });
});

describe("a change that reinstalls more than one server", () => {
  const three = (consent: Record<string, string> = {}) =>
    settings((draft) => {
      draft.machines = [1, 2, 3].map((number) => ({
        ...draft.machines[0],
        name: `node${number}`,
        macAddresses: [`52:54:00:c8:00:0${number}`],
        address: `192.168.200.1${number}`,
      }));
      draft.cluster.virtualAddress = { address: "192.168.200.50" };
      draft.consent = consent;
    });
  const replaced = (...names: string[]): Preview => ({
    steps: names.map((name) => ({
      op: "replace",
      urn: `urn:pulumi:lab::homelab::homelab:maas:Machine$command:local:Command::${name}-deployment`,
      newState: { type: "command:local:Command", parent: `urn:pulumi:lab::homelab::homelab:maas:Machine::${name}` },
    })),
  });
  const all = ["node1", "node2", "node3"];

  const inOneRun = (preview: Preview, wanted: Settings) => reportOf("lab", preview, wanted, { atOnce: true });

  it("is walked by 'up', one machine after another, and needs the machines' consents only", () => {
    const report = reportOf("lab", replaced(...all), three());
    expect(report.oneAtATime).toEqual(all);
    expect(report).not.toHaveProperty("serversLost");
    expect(missingConsents(report).map(({ subject }) => subject)).toEqual(all);
    expect(renderText(report)).toContain("One machine at a time: node1, node2, node3.");
    expect(renderMarkdown(report)).toContain("One machine at a time: `node1`, `node2`, `node3`.");
  });

  it("needs a consent of its own in one run beside those of the machines, and says what is lost and how to keep it", () => {
    const machines = Object.fromEntries(all.map((name) => [name, String(fingerprint(three(), name))]));
    const report = inOneRun(replaced(...all), three(machines));
    expect(report.serversLost).toEqual(all);
    expect(missingConsents(report)).toMatchObject([{ subject: "servers-at-once" }]);
    const text = renderText(report);
    expect(text).toContain("The cluster is lost: the servers node1, node2, node3 go in one run");
    expect(text).toContain("let './lab up' reinstall one machine at a time");
    expect(text).toContain(`servers-at-once: "${missingConsents(report)[0].fingerprint}"`);
    const given = three({ ...machines, "servers-at-once": String(missingConsents(report)[0].fingerprint) });
    expect(missingConsents(inOneRun(replaced(...all), given))).toEqual([]);
    // That of three servers is not that of two.
    expect(missingConsents(inOneRun(replaced("node1", "node2"), given))).toMatchObject([{ subject: "servers-at-once" }]);
  });

  it("is refused by the engine in one run, also where each server has its consent", () => {
    const consented = (...names: string[]) => Object.fromEntries(names.map((name) => [name, String(fingerprint(three(), name))]));
    const lost = (consent: Record<string, string>) => all.filter((name) => mayLose(three(consent), name));
    expect(lost(consented("node2"))).toEqual(["node2"]);
    expect(lost(consented(...all))).toEqual([]);
    const { text } = consentsAtOnce(three(), all);
    expect(lost({ ...consented(...all), "servers-at-once": String(text) })).toEqual(all);
    expect(lost({ ...consented("node1", "node2"), "servers-at-once": String(text) })).toEqual([]);
    expect(all.filter((name) => mayLose({ ...three(), protect: false }, name))).toEqual(all);
  });

  it("is asked for where two servers leave, and not where one does or agents do", () => {
    expect(reportOf("lab", replaced("node2"), three()).consents.map(({ subject }) => subject)).toEqual(["node2"]);
    expect(reportOf("lab", replaced("node2", "node3"), settings()).consents.map(({ subject }) => subject)).toEqual(["node2", "node3"]);
    const gone = replaced("node2", "node3").steps.map((step) => ({ ...step, op: "delete", oldState: step.newState, newState: undefined }));
    const were = ["node2", "node3"].map((name) => ({
      op: "delete",
      urn: `urn:pulumi:lab::homelab::homelab:k3s:Cluster$homelab:k3s:Node$command:remote:Command::k3s-${name}-k3s`,
      oldState: { type: "command:remote:Command", inputs: { create: "sudo -n sh k3s.sh install role=server" } },
    }));
    const left = reportOf("lab", { steps: [...gone, ...were] }, settings());
    expect(left.serversLost).toEqual(["node2", "node3"]);
    expect(left.consents.map(({ subject }) => subject)).toContain("servers-at-once");
  });
});

describe("an upgrade of k3s", () => {
  const node = (name: string, from: string, to: string): Preview["steps"][number] => {
    const state = (version: string) => ({
      type: "command:remote:Command",
      parent: "urn:pulumi:lab::homelab::homelab:k3s:Cluster$homelab:k3s:Node::k3s-node1",
      inputs: { create: `sudo -n sh /usr/local/lib/homelab/k3s.sh install role=server 'version=${version}'` },
    });
    const urn = `urn:pulumi:lab::homelab::homelab:k3s:Cluster$homelab:k3s:Node$command:remote:Command::k3s-${name}-k3s`;
    return { op: "update", urn, oldState: state(from), newState: state(to) };
  };

  it("that skips a minor version is told with the release to take first", () => {
    const steps = ["node1", "node2"].map((name) => node(name, "v1.34.1+k3s1", "v1.36.5+k3s1"));
    const report = reportOf("lab", { steps }, settings());
    expect(report.skippedMinor).toEqual({
      nodes: ["node1", "node2"],
      from: "v1.34.1+k3s1",
      to: "v1.36.5+k3s1",
      first: versions.k3s.before,
    });
    expect(renderText(report)).toContain(`In the stack file set homelab:cluster.version to ${versions.k3s.before},\nrun 'lab up'`);
    expect(renderMarkdown(report)).toContain("k3s cannot go from v1.34.1+k3s1 to v1.36.5+k3s1 in one step");
    const older = reportOf("lab", { steps: [node("node1", "v1.30.2+k3s1", "v1.36.5+k3s1")] }, settings());
    expect(older.skippedMinor?.first).toBe("the newest v1.31 release");
  });

  it.each([
    ["v1.35.9+k3s1", "v1.36.5+k3s1"],
    ["v1.36.5+k3s1", "v1.36.5+k3s2"],
  ])("from %s to %s is none of these", (from, to) => {
    const report = reportOf("lab", { steps: [node("node1", from, to)] }, settings());
    expect(report).not.toHaveProperty("skippedMinor");
    expect(renderText(report)).not.toContain("in one step");
  });
});

describe("the policies", () => {
  const container = { name: "c", image: "example/x:1.2", resources: { limits: { memory: "64Mi" } }, readinessProbe: {} };
  const deployment = (more: object) => ({ spec: { template: { spec: { containers: [{ ...container, ...more }] } } } });
  const found = (type: string, props: object, waivers = {}) =>
    violations(type, "thing", props, { owners: new Map(), secrets: ["hunter2-of-the-settings"] }, waivers).map(
      ({ policy, message }) => `${policy}: ${message}`,
    );
  const DEPLOYMENT = "kubernetes:apps/v1:Deployment";

  it.each([
    ["latest", deployment({ image: "example/x:latest" }), "pinned-images: the image example/x:latest is not pinned to a version"],
    ["no tag", deployment({ image: "registry.home:5000/x" }), "pinned-images: the image registry.home:5000/x is not pinned to a version"],
    ["no limit", deployment({ resources: {} }), "limits: the container c has no memory limit"],
    ["no probe", deployment({ readinessProbe: undefined }), "probes: the container c has no probe"],
    [
      "a password in clear",
      deployment({ env: [{ name: "ADMIN", value: "admin:hunter2-of-the-settings" }] }),
      "plain-secrets: its spec.template.spec.containers[0].env[0].value holds a secret of the settings in clear",
    ],
  ])("refuse %s", (_, props, expected) => {
    expect(found(DEPLOYMENT, props)).toEqual([expected]);
  });

  it("let pass what keeps them, and what is waived by name", () => {
    expect(found(DEPLOYMENT, deployment({}))).toEqual([]);
    expect(found(DEPLOYMENT, deployment({ image: `example/x@sha256:${"0".repeat(64)}` }))).toEqual([]);
    expect(found(DEPLOYMENT, deployment({ readinessProbe: undefined }), { probes: ["thing"] })).toEqual([]);
    expect(found("kubernetes:core/v1:Secret", { stringData: { key: "hunter2" } })).toEqual([
      "plain-secrets: its key key is a value in clear",
    ]);
  });

  it("refuse an address that two services ask for, naming both", () => {
    const owners = { owners: new Map<string, string>(), secrets: [] };
    const service = { spec: { loadBalancerIP: "192.168.200.60", ports: [{ port: 443 }] } };
    expect(violations("kubernetes:core/v1:Service", "one", service, owners)).toEqual([]);
    expect(violations("kubernetes:core/v1:Service", "two", service, owners)[0].message).toBe("192.168.200.60:443 is one's already");
  });

  it("stop the program with a mistake of the user that says how to waive it", () => {
    const register = () =>
      enforcement({})({ type: DEPLOYMENT, name: "web", props: deployment({ image: "x:latest" }), opts: {}, resource: undefined as any });
    expect(register).toThrow(/web: against the policy pinned-images[\s\S]*homelab:waivers.pinned-images: \[web\]/);
  });
});

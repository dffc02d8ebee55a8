import * as pulumi from "@pulumi/pulumi";
import type { DashboardSpec } from "../../../components/core/watched";
import type { StartPageData } from "../../../components/start-page/data";
import { dashboards } from "../../../components/watched";
import { networkArgs } from "../../../settings/ingress-args";
import { parseSettings } from "../../../settings/validate";
import { allRegistered, isSecret, type Registered, recordResources } from "../../support/mocks";
import { asPulumiConfig, stackSettings } from "./fixtures";

const resources: Registered[] = recordResources();
const named = (name: string) => resources.find((resource) => resource.name === name) as Registered;
const ofKind = (kind: string) => resources.filter(({ type }) => type.startsWith("kubernetes:") && type.endsWith(`:${kind}`));
const object = (kind: string, name: string) => ofKind(kind).find((resource) => resource.name === name) as Registered;
let outputs: Record<string, pulumi.Output<any>>;

const settings = () => {
  const { monitoring, ...rest } = stackSettings("sim");
  return {
    ...rest,
    monitoring: { ...monitoring, grafana: { replicas: 1 } },
    ingress: { enabled: true, users: ["anna", "ben"], documentation: "https://docs.example.org/lab" },
  };
};

beforeAll(async () => {
  const images = { taskd: "homelab.internal/taskd:1.1.0" };
  pulumi.runtime.setAllConfig(asPulumiConfig({ ...settings(), images }), ["homelab:maasApiKey"]);
  outputs = require("../../../index");
  await Promise.all(Object.values(outputs).map((output) => new Promise((resolve) => pulumi.output(output).apply(resolve))));
  await allRegistered();
}, 120_000);

const pages = ["grafana", "prometheus", "alertmanager"];

describe("an ingress with its pages", () => {
  it("serves each page at its name over TLS, and through the login only", () => {
    for (const page of pages) {
      const { metadata, spec } = named(`pages-${page}`).inputs;
      expect(metadata.namespace).toBe("monitoring");
      expect(spec.ingressClassName).toBe("traefik");
      expect(spec.rules.map(({ host }: { host: string }) => host)).toEqual([`${page}.lab.home.arpa`]);
      expect(spec.tls).toEqual([{ hosts: [`${page}.lab.home.arpa`], secretName: "pages-tls" }]);
      expect(metadata.annotations).toMatchObject({
        "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
        "traefik.ingress.kubernetes.io/router.middlewares": "ingress-login@kubernetescrd",
      });
    }
  });

  it("has a start page that asks Prometheus and Alertmanager below its own name", () => {
    const { spec, metadata } = named("pages-home").inputs;
    expect(metadata.annotations).toMatchObject({
      "traefik.ingress.kubernetes.io/router.middlewares": "ingress-login@kubernetescrd",
    });
    const paths = spec.rules[0].http.paths as { path: string; backend: { service: { name: string; port: { number: number } } } }[];
    expect(paths.map(({ path, backend: { service } }) => [path, service.name, service.port.number])).toEqual([
      ["/api/v1", "prometheus", 9090],
      ["/api/v2", "alertmanager", 9093],
      ["/", "home", 8080],
    ]);
  });

  it("tells the start page what the stack has, and no secret", () => {
    const text = String(named("monitoring-home-data").inputs.data["lab.json"]);
    const data = JSON.parse(text) as StartPageData;
    expect(data.machines.map(({ name, role, address }) => [name, role, address])).toEqual([
      ["node1", "server", "192.168.200.11"],
      ["node2", "agent", "192.168.200.12"],
    ]);
    expect(data.services.map(({ name, url }) => [name, url])).toEqual([
      ["Grafana", "https://grafana.lab.home.arpa"],
      ["Prometheus", "https://prometheus.lab.home.arpa"],
      ["Alertmanager", "https://alertmanager.lab.home.arpa"],
      ["MAAS", "http://192.168.200.1:5240/MAAS"],
      ["Kubernetes", undefined],
      ["taskd", undefined],
      ["TaskChampion", undefined],
      ["Documentation", "https://docs.example.org/lab"],
    ]);
    const byUid = (specs: readonly DashboardSpec[]) => [...specs].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    expect(data.dashboards[0].title).toBe("Lab overview");
    expect(byUid(data.dashboards)).toEqual(byUid(dashboards("tasks")));
    expect(isSecret(named("monitoring-home-data").marked.data)).toBe(false);
  });

  it("serves the start page from a bundle without addresses of others", () => {
    const files = named("monitoring-home-page").inputs.data as Record<string, string>;
    expect(Object.keys(files).sort()).toEqual(["index.html", "nginx.conf", "page.css", "page.js"]);
    expect(files["page.js"].length).toBeGreaterThan(20_000);
    expect(Object.values(files).join("").length).toBeLessThan(250_000);
    const addresses = Object.values(files).flatMap((text) => text.match(/https?:\/\/[\w.-]+/g) ?? []);
    // Names of XML's namespaces, which nothing is fetched from.
    expect(addresses.filter((url) => !url.includes("www.w3.org"))).toEqual([]);
  });

  it("lets nothing else reach a page: services inside the cluster, policies that admit the controller", () => {
    for (const page of pages) {
      expect([page, object("Service", `monitoring-${page}`).inputs.spec.type]).toEqual([page, "ClusterIP"]);
      const [{ from }] = named(`monitoring-${page}-policy`).inputs.spec.ingress;
      expect(from).toContainEqual({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } });
      expect(from.every((peer: object) => "namespaceSelector" in peer || "podSelector" in peer)).toBe(true);
    }
  });

  it("leaves only the login's own path open, and slows guesses down", () => {
    const withoutLogin = ofKind("Ingress").filter(
      ({ inputs }) => !String(inputs.metadata.annotations["traefik.ingress.kubernetes.io/router.middlewares"]).includes("ingress-login@"),
    );
    const paths = withoutLogin.map(({ name, inputs }) => [name, inputs.spec.rules[0].http.paths[0].path]);
    expect(Object.fromEntries(paths)).toEqual({
      "ingress-login-route": "/oauth2",
      "ingress-login-attempts-route": "/oauth2/sign_in",
      "ingress-https-route": "/",
    });
    const annotations = named("ingress-login-attempts-route").inputs.metadata.annotations;
    expect(annotations["traefik.ingress.kubernetes.io/router.middlewares"]).toBe("ingress-login-attempts@kubernetescrd");
    expect(named("ingress-https-route").inputs.metadata.annotations).toMatchObject({
      "traefik.ingress.kubernetes.io/router.entrypoints": "web",
      "traefik.ingress.kubernetes.io/router.middlewares": "ingress-https@kubernetescrd",
    });
  });

  it("has one certificate for all names, signed for at most 825 days and renewed two months before its end", () => {
    expect(named("ingress-pki-request").inputs.dnsNames).toEqual(["login", ...pages, "home"].map((page) => `${page}.lab.home.arpa`));
    const { validityPeriodHours, earlyRenewalHours } = named("ingress-pki-certificate").inputs;
    expect([validityPeriodHours, earlyRenewalHours]).toEqual([365 * 24, 60 * 24]);
  });

  it("makes a password for each user, which nothing shows", async () => {
    const passwords = await new Promise<Record<string, string>>((resolve) => outputs.pagePasswords.apply(resolve));
    expect(Object.keys(passwords)).toEqual(["anna", "ben"]);
    expect(await pulumi.isSecret(outputs.pagePasswords)).toBe(true);
    expect(isSecret(object("Secret", "ingress-login").marked.data)).toBe(true);
  });

  it("is known to monitoring and to the links in its messages", () => {
    const rules = named("monitoring-prometheus-config").inputs.data["rules-ingress.yml"];
    expect(rules).toContain("PageCertificateExpires");
    const deployment = object("Deployment", "monitoring-grafana");
    const env = Object.fromEntries(
      deployment.inputs.spec.template.spec.containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(env).toMatchObject({ GF_AUTH_PROXY_ENABLED: "true", GF_SERVER_ROOT_URL: "https://grafana.lab.home.arpa" });
  });

  it("keeps k3s' own Traefik", () => {
    const files = Buffer.from(named("k3s-node1-k3s").inputs.stdin.split("\n")[0].split(" ")[2], "base64").toString();
    expect(files).toContain("metrics-server");
    expect(files).not.toMatch(/^- traefik|"traefik"/m);
  });
});

describe("the names of the pages", () => {
  const parse = (changes: Record<string, unknown>) => networkArgs(parseSettings({ ...settings(), ...changes }));

  it("lead to the first server by an alias, which reserves no address of a machine", () => {
    const [{ name, records }] = parse({}).furtherDomains ?? [];
    expect(name).toBe("lab.home.arpa");
    expect(records?.map((record) => record.name).sort()).toEqual(["alertmanager", "grafana", "home", "login", "prometheus", "tasks"]);
    expect(new Set(records?.map(({ type, data }) => `${type} ${data}`))).toEqual(new Set(["CNAME node1.maas."]));
  });

  it("lead to an address that is no machine's", () => {
    const [{ records }] = parse({ ingress: { enabled: true, address: "192.168.200.5" } }).furtherDomains ?? [];
    expect(new Set(records?.map(({ type, data }) => `${type} ${data}`))).toEqual(new Set(["A 192.168.200.5"]));
  });

  it("are beside the records of the same domain", () => {
    const nas = { name: "grafana", type: "A", data: "192.168.200.20" };
    const { domain, furtherDomains } = parse({ network: { domain: { name: "lab.home.arpa", records: [nas] } } });
    expect(furtherDomains).toBeUndefined();
    expect(domain?.records?.filter(({ name }) => name === "grafana")).toEqual([nas]);
    expect(domain?.records).toHaveLength(6);
  });

  it("are none without an ingress", () => {
    expect(parse({ ingress: {} })).toEqual(parseSettings({ ...settings(), ingress: {} }).network);
  });
});

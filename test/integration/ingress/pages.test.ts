import { type ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { bcryptHash } from "../../../rig/stand-ins/plugins/random/values";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { Crowd, type Door } from "../../support/crowd";
import { unpackImage } from "../../support/image-root";
import { allRegistered, recordResources, revealed } from "../../support/mocks";
import { spawnMortal } from "../../support/mortal";
import { ADDRESS, apply, DOMAIN, dropAddress, eventually, haveAddress, packaged, traefikArguments } from "./stage";

/**
 * The objects of `Ingress` and `Pages` in an API server, served by Traefik and oauth2-proxy as the embedded lab has them. There are
 * no nodes: both programs run here, with the arguments of their pods, and the pages are servers of the test.
 */

const pages = ["grafana", "prometheus", "alertmanager", "home"];

const ports = { grafana: 3000, prometheus: 9090, alertmanager: 9093, home: 8080 } as const;
/** What the start page asks below its own name. */
const further = [
  { path: "/api/v1", service: "prometheus", port: 9090 },
  { path: "/api/v2", service: "alertmanager", port: 9093 },
];

const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-ingress-"));
const file = (name: string) => path.join(folder, name);
const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }).toString();
const read = (name: string) => fs.readFileSync(file(name), "utf8");

interface Made {
  type: string;
  name: string;
  inputs: any;
}

const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** What the tls provider would sign. */
function makeCertificate(names: readonly string[]): void {
  openssl("req", "-new", "-key", "tls.key", "-out", "tls.csr", "-subj", `/CN=${DOMAIN}`);
  fs.writeFileSync(file("names"), `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`);
  const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names"];
  openssl("x509", "-req", "-in", "tls.csr", "-out", "tls.crt", ...sign);
}

/** The Kubernetes objects of an ingress with its pages, and the passwords. */
async function objects(): Promise<{ made: Made[]; passwords: Record<string, string> }> {
  const state = async (type: string, name: string, inputs: any) => {
    if (type === "tls:index/privateKey:PrivateKey") {
      return { ...inputs, privateKeyPem: read(name.includes("authority") ? "ca.key" : "tls.key") };
    }
    if (type === "tls:index/certRequest:CertRequest") {
      makeCertificate(inputs.dnsNames);
    }
    if (/^tls:.*Cert$/.test(type)) {
      return { ...inputs, certPem: read(type.includes("selfSigned") ? "ca.crt" : "tls.crt"), validityEndTime: "2100-01-01T00:00:00Z" };
    }
    if (type === "random:index/randomPassword:RandomPassword") {
      const result = `${name}-`.padEnd(inputs.length, "x").slice(0, inputs.length);
      return { ...inputs, result, bcryptHash: await bcryptHash(result) };
    }
    return inputs;
  };
  const seen = recordResources(state);
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=authority");
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "tls.key");
  const kubernetes = require("@pulumi/kubernetes");
  const { Ingress, Pages } = require("../../../components/index");
  const provider = new kubernetes.Provider("cluster");
  const ingress = new Ingress("ingress", { provider, domain: DOMAIN, pages, login: { users: ["anna"] } });
  const served = Object.entries(ports).map(([name, port]) => ({ name, service: name, port, ...(name === "home" && { further }) }));
  new Pages("pages", { provider, ingress: ingress.access, namespace: "monitoring", pages: served });
  const passwords = await new Promise<Record<string, string>>((resolve) => ingress.passwords.apply(resolve));
  await allRegistered();
  return { made: seen.map(({ type, name, marked }) => ({ type, name, inputs: revealed(marked) })), passwords };
}

const endpoints = (namespace: string, service: string, port: number) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: service, namespace, labels: { "kubernetes.io/service-name": service } },
  addressType: "IPv4",
  endpoints: [{ addresses: [ADDRESS], conditions: { ready: true } }],
  ports: [{ name: "http", port, protocol: "TCP" }],
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

/** As a browser of another computer, which has the names and trusts the authority. */
function browse(
  page: string,
  target = "/",
  { cookie, form, headers, ca = read("ca.crt") }: { cookie?: string; form?: Record<string, string>; headers?: object; ca?: string } = {},
): Promise<Answer> {
  const body = form && new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: ADDRESS,
        servername: `${page}.${DOMAIN}`,
        path: target,
        method: form ? "POST" : "GET",
        ca,
        agent: false,
        headers: {
          host: `${page}.${DOMAIN}`,
          ...(cookie && { cookie }),
          ...(form && { "content-type": "application/x-www-form-urlencoded" }),
          ...headers,
        },
      },
      async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) {
          chunks.push(chunk as Buffer);
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

const cookieOf = ({ headers }: Answer) => (headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");

describe("pages behind the ingress", () => {
  let cluster: ControlPlane;
  let password: string;
  const servers: http.Server[] = [];
  const children: ChildProcess[] = [];
  const login = (user: string, given: string) =>
    browse("prometheus", "/oauth2/sign_in", { form: { username: user, password: given, rd: `https://grafana.${DOMAIN}/d/1` } });

  beforeAll(async () => {
    for (const name of ["oauth2-proxy", "traefik"]) {
      await unpackImage(name, folder);
    }
    cluster = await startControlPlane();
    haveAddress();
    for (const object of packaged) {
      await apply(cluster, object);
    }
    const { made, passwords } = await objects();
    password = passwords.anna;
    const ours = made
      .filter(({ type }) => /^kubernetes:(?!.*Provider)/.test(type) && !type.startsWith("pulumi:"))
      .map(({ inputs }) => inputs);
    await apply(cluster, { apiVersion: "v1", kind: "Namespace", metadata: { name: "monitoring" } });
    for (const object of [...ours.filter(({ kind }) => kind === "Namespace"), ...ours.filter(({ kind }) => kind !== "Namespace")]) {
      await eventually(() => apply(cluster, object));
    }
    for (const [index, page] of pages.entries()) {
      const server = http.createServer((request, response) =>
        response.end(`${page} for ${request.headers["x-auth-request-user"] ?? "nobody"}`),
      );
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(19_000 + index, ADDRESS, resolve));
      const port = ports[page as keyof typeof ports];
      const spec = { ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }], selector: { none: "none" } };
      await apply(cluster, { apiVersion: "v1", kind: "Service", metadata: { name: page, namespace: "monitoring" }, spec });
      await apply(cluster, endpoints("monitoring", page, 19_000 + index));
    }
    await apply(cluster, endpoints("ingress", "login", 4180));

    // oauth2-proxy with its pod's arguments and files.
    const object = (kind: string, name: string) => ours.find((each) => each.kind === kind && each.metadata.name === name);
    const [container] = object("Deployment", "login").spec.template.spec.containers;
    for (const [name, data] of Object.entries(object("Secret", "login").data as Record<string, string>)) {
      fs.writeFileSync(file(name), Buffer.from(data, "base64"));
    }
    for (const [name, text] of Object.entries(object("ConfigMap", "login-pages").data as Record<string, string>)) {
      fs.writeFileSync(file(name), text);
    }
    const args = container.args.map((each: string) =>
      each.replace("=/etc/login-pages", `=${folder}`).replace("=/etc/login/", `=${folder}/`).replace("0.0.0.0", ADDRESS),
    );
    const run = (name: string, command: string, argv: string[], env: NodeJS.ProcessEnv = {}) => {
      const log = fs.openSync(file(`${name}.log`), "w");
      children.push(spawnMortal(command, argv, { stdio: ["ignore", log, log], env: { ...process.env, ...env } }));
    };
    run("oauth2-proxy", file("bin/oauth2-proxy"), args);
    // Traefik with its pod's arguments, on the service's ports; it finds the login by a name of the cluster.
    fs.writeFileSync(file("kubeconfig"), cluster.kubeconfig);
    fs.writeFileSync(file("hosts"), `127.0.0.1 localhost\n${ADDRESS} login.ingress.svc\n`);
    const inOwnMounts = 'mount --bind "$1" /etc/hosts; shift; exec "$@"';
    run("traefik", "unshare", ["-m", "sh", "-ec", inOwnMounts, "sh", file("hosts"), file("traefik"), ...traefikArguments()], {
      KUBECONFIG: file("kubeconfig"),
    });
    await eventually(async () => {
      const status = await browse("prometheus").then(
        (answer) => answer.status,
        (error: Error) => error.message,
      );
      if (status !== 403) {
        const logs = ["traefik", "oauth2-proxy"].map((name) => read(`${name}.log`).slice(-3000)).join("\n");
        throw new Error(`the page answers ${status}\n${logs}`);
      }
    });
  });

  afterAll(async () => {
    for (const child of children) {
      child.kill("SIGKILL");
    }
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    dropAddress();
    await cluster?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it.each(pages)("%s shows the login and nothing else to who is not logged in, whoever he says he is", async (page) => {
    for (const headers of [{}, { "x-auth-request-user": "admin" }]) {
      const { status, text } = await browse(page, "/", { headers });
      expect([status, text]).toEqual([403, expect.stringContaining("Log in to the lab")]);
      expect(text).not.toContain(`${page} for`);
    }
  });

  it("is not believed by who does not trust the lab's authority", async () => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "o.key",
      "-out",
      "o.crt",
      "-subj",
      "/CN=o",
    );
    await expect(browse("grafana", "/", { ca: read("o.crt") })).rejects.toThrow(/certificate/);
  });

  it("opens all pages with one login, and tells each who it is", async () => {
    const answer = await login("anna", password);
    expect([answer.status, answer.headers.location]).toEqual([302, `https://grafana.${DOMAIN}/d/1`]);
    expect(answer.headers["set-cookie"]?.join()).toMatch(new RegExp(`Domain=${DOMAIN}.*HttpOnly; Secure`, "i"));
    const cookie = cookieOf(answer);
    for (const page of pages) {
      const { status, text } = await browse(page, "/", { cookie, headers: { "x-auth-request-user": "admin" } });
      expect([status, text]).toEqual([200, `${page} for anna`]);
    }
    const below = await Promise.all(["/api/v1/query?query=up", "/api/v2/alerts"].map((each) => browse("home", each, { cookie })));
    expect(below.map(({ status, text }) => [status, text])).toEqual([
      [200, "prometheus for anna"],
      [200, "alertmanager for anna"],
    ]);
    expect((await browse("home", "/api/v1/query?query=up")).status).toBe(403);
    const out = await browse("alertmanager", "/oauth2/sign_out", { cookie });
    expect(out.status).toBe(302);
    expect(out.headers["set-cookie"]?.join()).toMatch(/_oauth2_proxy=;/);
  });

  it("leads from http to https", async () => {
    const { status, headers } = await new Promise<{ status?: number; headers: http.IncomingHttpHeaders }>((resolve, reject) => {
      http
        .get({ host: ADDRESS, path: "/graph", headers: { host: `prometheus.${DOMAIN}` } }, (response) => {
          response.resume();
          resolve({ status: response.statusCode, headers: response.headers });
        })
        .on("error", reject);
    });
    expect([status, headers.location]).toEqual([301, `https://prometheus.${DOMAIN}/graph`]);
  });

  describe("among silent, half and slow connections", () => {
    const crowd = new Crowd();
    afterEach(() => crowd.go());
    const https = { host: ADDRESS, port: 443, tls: { servername: `grafana.${DOMAIN}` } };

    it.each<[string, Door]>([
      ["pages", https],
      ["the redirection to https", { host: ADDRESS, port: 80 }],
      ["the login", { host: ADDRESS, port: 4180 }],
      ["the API server", { host: "127.0.0.1", port: 0, tls: {} }],
    ])("to %s, others are answered, and so is who opened some of them", async (name, door) => {
      const where = name === "the API server" ? { ...door, port: Number(/server: "https:.*:(\d+)"/.exec(cluster.kubeconfig)?.[1]) } : door;
      await crowd.come({ ...where, silent: true }, "127.0.0.2", 1500);
      await crowd.come(where, "127.0.0.1", 300);
      expect((await browse("grafana")).status).toBe(403);
      expect((await login("anna", password)).status).toBe(302);
      expect((await cluster.request("GET", "/api/v1/namespaces/default")).kind).toBe("Namespace");
    });
  });

  it("refuses wrong passwords, and slows down who goes on guessing", async () => {
    const first = await login("anna", "guess");
    expect([first.status, first.text]).toEqual([401, expect.stringContaining("Wrong user or password")]);
    const more = await Promise.all(Array.from({ length: 15 }, () => login("anna", "guess")));
    expect(more.map(({ status }) => status)).toContain(429);
    // The pages themselves are not slowed down.
    expect((await browse("grafana")).status).toBe(403);
  });
});

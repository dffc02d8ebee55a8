import { type ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { bcryptHash } from "../../../rig/stand-ins/plugins/random/values";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { unpackImage } from "../../support/image-root";
import { allRegistered, recordResources, revealed } from "../../support/mocks";
import { spawnMortal } from "../../support/mortal";
import { ADDRESS, apply, DOMAIN, dropAddress, eventually, haveAddress, packaged, traefikArguments } from "./stage";

const ports = { grafana: 3000, prometheus: 9090, alertmanager: 9093, home: 8080 } as const;
/** What the start page asks below its own name. */
const further = [
  { path: "/api/v1", service: "prometheus", port: 9090 },
  { path: "/api/v2", service: "alertmanager", port: 9093 },
];

export const pages = Object.keys(ports) as (keyof typeof ports)[];

interface Made {
  type: string;
  name: string;
  inputs: any;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

interface Request {
  cookie?: string;
  form?: Record<string, string>;
  headers?: object;
  ca?: string;
}

const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

const endpoints = (namespace: string, service: string, port: number) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: service, namespace, labels: { "kubernetes.io/service-name": service } },
  addressType: "IPv4",
  endpoints: [{ addresses: [ADDRESS], conditions: { ready: true } }],
  ports: [{ name: "http", port, protocol: "TCP" }],
});

export const cookieOf = ({ headers }: Answer) => (headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");

/**
 * The objects of `Ingress` and `Pages` in an API server, served by Traefik and oauth2-proxy as the embedded lab has them. There are
 * no nodes: both programs run here, with the arguments of their pods, and the pages are servers of the test.
 */
export class ServedPages {
  readonly folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-ingress-"));
  passwords: Record<string, string> = {};
  private control: ControlPlane | undefined;
  private readonly servers: http.Server[] = [];
  private readonly children: ChildProcess[] = [];

  /** @param login of the ingress */
  constructor(private readonly login: object) {
    haveAddress();
    this.openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=authority");
    this.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "tls.key");
  }

  get cluster(): ControlPlane {
    return this.control as ControlPlane;
  }

  readonly file = (name: string) => path.join(this.folder, name);
  readonly read = (name: string) => fs.readFileSync(this.file(name), "utf8");
  readonly openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "pipe", "ignore"] }).toString();

  /** A certificate of the lab's authority for `tls.key`, as the tls provider would sign it. */
  certificate(to: string, names: readonly string[]): void {
    this.openssl("req", "-new", "-key", "tls.key", "-out", "tls.csr", "-subj", `/CN=${DOMAIN}`);
    fs.writeFileSync(this.file("names"), `subjectAltName=${names.join(",")}\n`);
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names"];
    this.openssl("x509", "-req", "-in", "tls.csr", "-out", to, ...sign);
  }

  /** Runs a program until the end. */
  run(name: string, command: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): void {
    const log = fs.openSync(this.file(`${name}.log`), "w");
    this.children.push(spawnMortal(command, argv, { stdio: ["ignore", log, log], env: { ...process.env, ...env } }));
    fs.closeSync(log);
  }

  /** The Kubernetes objects of an ingress with its pages. */
  private async objects(): Promise<any[]> {
    const state = async (type: string, name: string, inputs: any) => {
      if (type === "tls:index/privateKey:PrivateKey") {
        return { ...inputs, privateKeyPem: this.read(name.includes("authority") ? "ca.key" : "tls.key") };
      }
      if (type === "tls:index/certRequest:CertRequest") {
        this.certificate(
          "tls.crt",
          inputs.dnsNames.map((each: string) => `DNS:${each}`),
        );
      }
      if (/^tls:.*Cert$/.test(type)) {
        return {
          ...inputs,
          certPem: this.read(type.includes("selfSigned") ? "ca.crt" : "tls.crt"),
          validityEndTime: "2100-01-01T00:00:00Z",
        };
      }
      if (type === "random:index/randomPassword:RandomPassword") {
        const result = `${name}-`.padEnd(inputs.length, "x").slice(0, inputs.length);
        return { ...inputs, result, bcryptHash: await bcryptHash(result) };
      }
      return inputs;
    };
    const seen = recordResources(state);
    const kubernetes = require("@pulumi/kubernetes");
    const { Ingress, Pages } = require("../../../components/index");
    const provider = new kubernetes.Provider("cluster");
    const ingress = new Ingress("ingress", { provider, domain: DOMAIN, pages, login: this.login });
    const served = Object.entries(ports).map(([name, port]) => ({ name, service: name, port, ...(name === "home" && { further }) }));
    new Pages("pages", { provider, ingress: ingress.access, namespace: "monitoring", pages: served });
    this.passwords = await new Promise<Record<string, string>>((resolve) => ingress.passwords.apply(resolve));
    await allRegistered();
    const made: Made[] = seen.map(({ type, name, marked }) => ({ type, name, inputs: revealed(marked) }));
    return made.filter(({ type }) => /^kubernetes:(?!.*Provider)/.test(type) && !type.startsWith("pulumi:")).map(({ inputs }) => inputs);
  }

  /**
   * @param refused the status with which a page answers who is not logged in
   * @param environment of oauth2-proxy
   */
  async start(refused: number, environment: NodeJS.ProcessEnv = {}): Promise<void> {
    for (const name of ["oauth2-proxy", "traefik"]) {
      await unpackImage(name, this.folder);
    }
    this.control = await startControlPlane();
    for (const object of packaged) {
      await apply(this.control, object);
    }
    const ours = await this.objects();
    await apply(this.control, { apiVersion: "v1", kind: "Namespace", metadata: { name: "monitoring" } });
    for (const object of [...ours.filter(({ kind }) => kind === "Namespace"), ...ours.filter(({ kind }) => kind !== "Namespace")]) {
      await eventually(() => apply(this.cluster, object));
    }
    for (const [index, page] of pages.entries()) {
      const server = http.createServer((request, response) =>
        response.end(`${page} for ${request.headers["x-auth-request-user"] ?? "nobody"}`),
      );
      this.servers.push(server);
      await new Promise<void>((resolve) => server.listen(19_000 + index, ADDRESS, resolve));
      const spec = { ports: [{ name: "http", port: ports[page], targetPort: "http", protocol: "TCP" }], selector: { none: "none" } };
      await apply(this.control, { apiVersion: "v1", kind: "Service", metadata: { name: page, namespace: "monitoring" }, spec });
      await apply(this.control, endpoints("monitoring", page, 19_000 + index));
    }
    await apply(this.control, endpoints("ingress", "login", 4180));
    this.runLogin(ours, environment);
    this.runTraefik();
    await eventually(async () => {
      const status = await this.browse("prometheus").then(
        (answer) => answer.status,
        (error: Error) => error.message,
      );
      if (status !== refused) {
        const logs = ["traefik", "oauth2-proxy"].map((name) => this.read(`${name}.log`).slice(-3000)).join("\n");
        throw new Error(`the page answers ${status}\n${logs}`);
      }
    });
  }

  /** oauth2-proxy with its pod's arguments and files. */
  private runLogin(ours: readonly any[], environment: NodeJS.ProcessEnv): void {
    const object = (kind: string, name: string) => ours.find((each) => each.kind === kind && each.metadata.name === name);
    const [container] = object("Deployment", "login").spec.template.spec.containers;
    for (const [name, data] of Object.entries(object("Secret", "login").data as Record<string, string>)) {
      fs.writeFileSync(this.file(name), Buffer.from(data, "base64"));
    }
    for (const [name, text] of Object.entries(object("ConfigMap", "login-pages").data as Record<string, string>)) {
      fs.writeFileSync(this.file(name), text);
    }
    const args = container.args.map((each: string) =>
      each.replace("=/etc/login-pages", `=${this.folder}`).replace("=/etc/login/", `=${this.folder}/`).replace("0.0.0.0", ADDRESS),
    );
    this.run("oauth2-proxy", this.file("bin/oauth2-proxy"), args, environment);
  }

  /** Traefik with its pod's arguments, on the service's ports; it finds the login by a name of the cluster. */
  private runTraefik(): void {
    fs.writeFileSync(this.file("kubeconfig"), this.cluster.kubeconfig);
    fs.writeFileSync(this.file("hosts"), `127.0.0.1 localhost\n${ADDRESS} login.ingress.svc\n`);
    const inOwnMounts = 'mount --bind "$1" /etc/hosts; shift; exec "$@"';
    const argv = ["-m", "sh", "-ec", inOwnMounts, "sh", this.file("hosts"), this.file("traefik"), ...traefikArguments()];
    this.run("traefik", "unshare", argv, { KUBECONFIG: this.file("kubeconfig") });
  }

  /** As a browser of another computer, which has the names and trusts the authority. */
  readonly browse = (page: string, target = "/", options: Request = {}): Promise<Answer> =>
    this.visit(new URL(target, `https://${page}.${DOMAIN}`), options);

  /** The same at any address of the lab, or of a server of this test. */
  readonly visit = (url: URL, { cookie, form, headers, ca = this.read("ca.crt") }: Request = {}): Promise<Answer> => {
    const body = form && new URLSearchParams(form).toString();
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: ADDRESS,
          port: url.port || 443,
          servername: /^[\d.]+$/.test(url.hostname) ? undefined : url.hostname,
          path: `${url.pathname}${url.search}`,
          method: form ? "POST" : "GET",
          ca,
          agent: false,
          headers: {
            host: url.host,
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
  };

  async stop(): Promise<void> {
    for (const child of this.children) {
      child.kill("SIGKILL");
    }
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    dropAddress();
    await this.control?.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

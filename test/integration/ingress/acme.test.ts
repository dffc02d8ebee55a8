import { type ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as https from "node:https";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import * as yaml from "js-yaml";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { unpackImage } from "../../support/image-root";
import { knot } from "../../support/knot";
import { allRegistered, recordResources, revealed } from "../../support/mocks";
import { spawnMortal } from "../../support/mortal";
import { pebble } from "../../support/pebble";
import { ADDRESS, apply, DOMAIN, dropAddress, eventually, haveAddress, packaged, traefikArguments } from "./stage";

/**
 * Certificates from a server: Traefik as the embedded lab has it, with the arguments and the environment that `Ingress` makes for its
 * chart, Pebble for the server and Knot for the house's DNS. The volume is a folder of the test.
 */

const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-acme-"));
const file = (name: string) => path.join(folder, name);
const ports = { acme: 14_000, management: 15_000, dns: 15_053 };
const SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IG9mIGFjbWUsIDMyIEI=";
const server = `https://${ADDRESS}:${ports.acme}/dir`;

const children = new Set<ChildProcess>();
/** Pebble. */
let authority: ChildProcess;
function run(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const log = fs.openSync(file(`${name}.log`), "a");
  const child = spawnMortal(command, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env } });
  fs.closeSync(log);
  children.add(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

const fetched = (url: string, ca: string) =>
  new Promise<string>((resolve, reject) => {
    https
      .get(url, { ca, headers: { "user-agent": "homelab" } }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) {
          chunks.push(chunk as Buffer);
        }
        resolve(Buffer.concat(chunks).toString());
      })
      .on("error", reject);
  });

/** The certificate that a page shows to who trusts `ca`. Rejects where it is not trusted. */
const certificateOf = (page: string, ca: string) =>
  new Promise<tls.PeerCertificate>((resolve, reject) => {
    const socket = tls.connect({ host: ADDRESS, port: 443, servername: `${page}.${DOMAIN}`, ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.end();
    });
    socket.on("error", reject);
  });

const authorityOfTest = () => fs.readFileSync(file("ca.crt"), "utf8");
const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });

/** A certificate for the server itself, by an authority that no system knows. */
function makeServerCertificate(): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=authority of the test");
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=pebble");
  fs.writeFileSync(file("names"), `subjectAltName=IP:${ADDRESS}\n`);
  const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", ...sign);
}

/** Starts Pebble, whose root is another one at each start. Its certificates live for so many seconds. */
async function startPebble(validityPeriod: number): Promise<ChildProcess> {
  const settings = {
    listenAddress: `${ADDRESS}:${ports.acme}`,
    managementListenAddress: `${ADDRESS}:${ports.management}`,
    certificate: file("server.crt"),
    privateKey: file("server.key"),
    httpPort: 80,
    tlsPort: 443,
    profiles: { default: { description: "of the test", validityPeriod } },
  };
  fs.writeFileSync(file("pebble.json"), JSON.stringify({ pebble: settings }));
  const child = run("pebble", await pebble(), ["-config", file("pebble.json"), "-dnsserver", `${ADDRESS}:${ports.dns}`], {
    PEBBLE_VA_NOSLEEP: "1",
  });
  await eventually(async () => expect(await fetched(server, authorityOfTest())).toContain("newOrder"));
  return child;
}

async function startServers(): Promise<void> {
  const zone = ["$TTL 5", "@ SOA ns admin 1 60 60 60 5", "@ NS ns", `ns A ${ADDRESS}`, `* A ${ADDRESS}`, ""];
  fs.writeFileSync(file("zone"), zone.join("\n"));
  const configuration = {
    server: { listen: `${ADDRESS}@${ports.dns}`, rundir: folder },
    database: { storage: folder },
    key: [{ id: "acme.", algorithm: "hmac-sha256", secret: SECRET }],
    acl: [{ id: "acme", key: "acme.", action: "update" }],
    zone: [{ domain: DOMAIN, storage: folder, file: "zone", acl: "acme" }],
  };
  fs.writeFileSync(file("knot.conf"), yaml.dump(configuration));
  const [command, ...args] = await knot();
  run("knot", command, [...args, "-c", file("knot.conf")]);
  authority = await startPebble(90 * 24 * 3600);
}

const dns = () => {
  const { Secret } = require("../../../components/index");
  return {
    provider: "rfc2136",
    environment: {
      RFC2136_NAMESERVER: `${ADDRESS}:${ports.dns}`,
      RFC2136_TSIG_KEY: "acme.",
      RFC2136_TSIG_ALGORITHM: "hmac-sha256.",
    },
    secrets: new Secret({ RFC2136_TSIG_SECRET: SECRET }),
    resolvers: [`${ADDRESS}:${ports.dns}`],
    waitSeconds: 1,
  };
};

interface Objects {
  objects: any[];
  /** Of Traefik's pod, as its chart would make it from the values. */
  arguments: string[];
  environment: Record<string, string>;
}

/** What an ingress with one page makes. */
async function objectsOf(challenge: object): Promise<Objects> {
  const seen = recordResources();
  const kubernetes = require("@pulumi/kubernetes");
  const { Ingress, Pages } = require("../../../components/index");
  const provider = new kubernetes.Provider("cluster");
  const acme = { server, email: "anna@example.org", serverAuthority: authorityOfTest(), ...challenge };
  const ingress = new Ingress("ingress", { provider, domain: DOMAIN, pages: ["home"], acme });
  new Pages("pages", { provider, ingress: ingress.access, namespace: "ingress", pages: [{ name: "home", service: "home", port: 80 }] });
  await allRegistered();
  const made = seen.map(({ type, marked }) => ({ type, inputs: revealed(marked) as any }));
  const objects = made.filter(({ type }) => type.startsWith("kubernetes:")).map(({ inputs }) => inputs);
  const named = (kind: string, name: string) => objects.find((each) => each.kind === kind && each.metadata.name === name);
  const values = yaml.load(named("HelmChartConfig", "traefik").spec.valuesContent) as any;
  const [{ secretRef }] = values.envFrom;
  const [{ name, mountPath }] = values.volumes;
  const environment = Object.fromEntries(
    Object.entries(named("Secret", secretRef.name).data as Record<string, string>).map(([key, value]) => {
      const text = Buffer.from(value, "base64").toString();
      // Where the chart mounts the ConfigMap, and where this test has it.
      return [key, text.replace(mountPath, folder)];
    }),
  );
  for (const [each, text] of Object.entries(named("ConfigMap", name).data as Record<string, string>)) {
    fs.writeFileSync(file(each), text);
  }
  expect(JSON.stringify(values)).not.toContain(SECRET);
  return { objects, arguments: values.additionalArguments, environment };
}

describe("certificates by ACME", () => {
  let cluster: ControlPlane | undefined;
  let root: string;

  beforeAll(async () => {
    await unpackImage("traefik", folder);
    haveAddress();
    makeServerCertificate();
    await startServers();
    root = await fetched(`https://${ADDRESS}:${ports.management}/roots/0`, authorityOfTest());
  });

  beforeEach(async () => {
    cluster = await startControlPlane();
    for (const object of packaged) {
      await apply(cluster as ControlPlane, object);
    }
  });
  afterEach(async () => {
    await cluster?.stop();
  });
  afterAll(async () => {
    await Promise.all([...children].map(end));
    dropAddress();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Traefik with the volume of a name. */
  function traefik({ arguments: more, environment }: Objects, volume: string): ChildProcess {
    fs.writeFileSync(file("kubeconfig"), (cluster as ControlPlane).kubeconfig);
    fs.mkdirSync(file(volume), { recursive: true });
    const args = more.map((each) => each.replace("=/data/", `=${file(volume)}/`));
    return run("traefik", file("traefik"), [...traefikArguments(), ...args], { KUBECONFIG: file("kubeconfig"), ...environment });
  }

  async function applied({ objects }: Objects): Promise<void> {
    const kinds = ["Namespace", "Secret", "Middleware", "Service", "Ingress"];
    for (const kind of kinds) {
      for (const object of objects.filter((each) => each.kind === kind)) {
        await eventually(() => apply(cluster as ControlPlane, object));
      }
    }
  }

  const trusted = async (page: string) => {
    let certificate: tls.PeerCertificate | undefined;
    await eventually(async () => {
      certificate = await certificateOf(page, root).catch((error: Error) => {
        const log = fs.readFileSync(file("traefik.log"), "utf8");
        throw new Error(`${error.message}\n${log.slice(-3000)}\n${fs.readFileSync(file("pebble.log"), "utf8").slice(-2000)}`);
      });
    }, 300);
    return certificate as tls.PeerCertificate;
  };

  it.each([
    ["HTTP-01", () => ({})],
    ["DNS-01 by updates of the house's DNS server (RFC 2136)", () => ({ dns: dns() })],
  ])("come by %s, and are kept over a restart", async (name, challenge) => {
    const made = await objectsOf(challenge());
    await applied(made);
    const volume = `volume-${name.slice(0, 3)}`;
    const first = traefik(made, volume);
    const certificate = await trusted("home");
    expect(certificate.subjectaltname).toBe(`DNS:home.${DOMAIN}`);
    expect(String(certificate.issuer.CN)).toMatch(/^Pebble Intermediate CA/);
    expect((await trusted("login")).subjectaltname).toContain(`DNS:login.${DOMAIN}`);
    await expect(certificateOf("home", authorityOfTest())).rejects.toThrow(/certificate/);
    // The account's key and the certificates' are nobody else's to read.
    expect((fs.statSync(path.join(file(volume), "acme.json")).mode & 0o777).toString(8)).toBe("600");

    await end(first);
    const second = traefik(made, volume);
    expect((await trusted("home")).serialNumber).toBe(certificate.serialNumber);
    await end(second);
  });

  it("are renewed before they end, by a Traefik that goes on running; a restart asks for none", async () => {
    await end(authority);
    // Traefik renews what lives for an hour 20 minutes before its end, and looks each minute: at its first look.
    authority = await startPebble(20 * 60 + 30);
    root = await fetched(`https://${ADDRESS}:${ports.management}/roots/0`, authorityOfTest());
    const made = await objectsOf({ lifetime: "1 hour" });
    await applied(made);
    const issued = () => fs.readFileSync(file("pebble.log"), "utf8").split("Issued certificate serial").length - 1;
    const first = traefik(made, "volume-renewed");
    const pages = ["home", "login"];
    const serials = async () => Promise.all(pages.map(async (page) => (await trusted(page)).serialNumber));
    const before = await serials();
    await end(first);
    const asked = issued();

    const second = traefik(made, "volume-renewed");
    expect(await serials()).toEqual(before);
    expect(issued()).toBe(asked);
    await eventually(async () => expect((await serials()).filter((serial) => before.includes(serial))).toEqual([]), 900);
    expect([second.exitCode, issued()]).toEqual([null, asked + pages.length]);
    await end(second);
  });
});

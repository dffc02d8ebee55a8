import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { prometheusFlags } from "../../../components/monitoring/prometheus-config";
import { pageFiles } from "../../../components/start-page/files";
import { authorityArgs, serverCertificateArgs, serverRequest } from "../../../components/taskserver/certificates";
import { renderTaskChampionGate } from "../../../components/taskserver/gate";
import { NOBODY } from "../../../components/taskserver/taskchampion";
import { serveNames } from "../../../rig/dns/server";
import { Zones } from "../../../rig/dns/zones";
import { createMirror } from "../../../rig/mirror/mirror";
import { taskServersSettings } from "../../../settings/task-servers";
import { Crowd, type Door } from "../../support/crowd";
import { HaProxy } from "../../support/haproxy";
import { unpackImage } from "../../support/image-root";
import { Server } from "../maas-sim/server";
import { issue } from "../taskserver/issuer";
import { freePort } from "../taskserver/server";

/**
 * The programs of the embedded lab's images with the arguments and files of their pods, each among connections that say nothing, half
 * of something, or a byte a second. taskd has a test of its own, Traefik and the login are in that of the pages.
 */

const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-silent-"));
const children: ChildProcess[] = [];
const stops: (() => Promise<void>)[] = [];

/** Unpacks an image into a folder of its own. */
async function rootOf(name: string): Promise<string> {
  const root = path.join(folder, name);
  fs.mkdirSync(root);
  await unpackImage(name, root);
  for (const each of ["tmp", "etc", "data", "dev"]) {
    fs.mkdirSync(path.join(root, each), { recursive: true });
  }
  return root;
}

/** Runs a program of an unpacked image as its container would, on this computer's network. */
function run(root: string, argv: string[], env: Record<string, string> = {}): ChildProcess {
  const log = fs.openSync(path.join(root, "log"), "w");
  const inRoot = 'touch "$0/dev/null" && mount --bind /dev/null "$0/dev/null" && exec chroot "$0" "$@"';
  const child = spawn("unshare", ["-m", "sh", "-ec", inRoot, root, ...argv], { stdio: ["ignore", log, log], env });
  children.push(child);
  return child;
}

/** Seconds of time-outs as minutes: on a slow computer, too, no connection ends before the clients have been answered. */
const patient = (text: string) => text.replace(/(timeout(?:=| client | http-request | ))(\d+)s/g, "$1$2m");

const write = (root: string, name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
};

/** A request as any client sends it, from an address. */
function ask(door: Door, target: string, localAddress: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: door.host, port: door.port, path: target, localAddress, agent: false, rejectUnauthorized: false };
    const request = (door.tls ? https : http).get(options, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode));
    });
    request.once("error", reject);
  });
}

/** A name's address over TCP: 200 where there is one. */
function resolve(port: number, name: string, localAddress: string): Promise<number> {
  const label = Buffer.from(`${String.fromCharCode(name.length)}${name}\0`);
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const query = Buffer.concat([header, label, Buffer.from([0, 1, 0, 1])]);
  return new Promise((done, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port, localAddress });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed without an answer")));
    socket.once("data", (answer) => {
      socket.destroy();
      // After the length, the id and a byte of flags: the code.
      done((answer[5] & 15) === 0 ? 200 : 500);
    });
    socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
  });
}

/** Waits until a server answers. */
async function ready(door: Door, target: string, root: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const status = await ask(door, target, "127.0.0.1").catch((error: Error) => error.message);
    if (status === 200) {
      return;
    }
    if (tries > 300) {
      throw new Error(`${status}: ${fs.readFileSync(path.join(root, "log"), "utf8").slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Served {
  door: Door;
  /** A page that answers 200. */
  target: string;
  /** In the place of that page: what is right is 200. */
  ask?: (localAddress: string) => Promise<number | undefined>;
  /** Closes by itself, after seconds that cannot be lengthened, whoever says nothing. */
  impatient?: boolean;
}

const servers: Record<string, () => Promise<Served>> = {
  Prometheus: async () => {
    const root = await rootOf("prometheus");
    const port = await freePort();
    write(root, "etc/prometheus/prometheus.yml", "{}");
    const flags = prometheusFlags({ retention: "1 day", storage: "1 GiB" }).map((each) =>
      each.replace(/(listen-address=).*/, `$1127.0.0.1:${port}`).replace(/(tsdb.path=).*/, "$1/data"),
    );
    run(root, ["/usr/bin/prometheus", ...flags.map(patient)]);
    const door = { host: "127.0.0.1", port };
    await ready(door, "/-/ready", root);
    return { door, target: "/api/v1/query?query=1" };
  },
  Alertmanager: async () => {
    const root = await rootOf("alertmanager");
    const port = await freePort();
    write(root, "etc/alertmanager.yml", "route: { receiver: none }\nreceivers: [{ name: none }]\n");
    const flags = ["--config.file=/etc/alertmanager.yml", "--storage.path=/data", `--web.listen-address=127.0.0.1:${port}`];
    run(root, ["/usr/bin/prometheus-alertmanager", ...flags, "--cluster.listen-address="]);
    const door = { host: "127.0.0.1", port };
    await ready(door, "/-/ready", root);
    return { door, target: "/api/v2/alerts" };
  },
  "the start page": async () => {
    const root = await rootOf("nginx");
    const port = await freePort();
    for (const [name, text] of Object.entries(pageFiles())) {
      write(
        root,
        `etc/start-page/${name}`,
        (name === "nginx.conf" ? patient(text) : text).replace(/listen \d+;/, `listen 127.0.0.1:${port};`),
      );
    }
    write(root, "etc/start-page-data/lab.json", "{}");
    fs.chmodSync(path.join(root, "tmp"), 0o1777);
    run(root, ["/usr/sbin/nginx", "-e", "stderr", "-c", "/etc/start-page/nginx.conf"]);
    const door = { host: "127.0.0.1", port };
    await ready(door, "/", root);
    return { door, target: "/lab.json" };
  },
  "node-exporter": async () => {
    const root = await rootOf("node-exporter");
    const port = await freePort();
    run(root, ["/usr/bin/prometheus-node-exporter", `--web.listen-address=127.0.0.1:${port}`]);
    const door = { host: "127.0.0.1", port };
    await ready(door, "/", root);
    return { door, target: "/metrics" };
  },
  "the cluster's name server": async () => {
    const root = await rootOf("coredns");
    const [port, readiness] = [await freePort(), await freePort()];
    const manifest = fs.readFileSync(path.join(__dirname, "../../../rig/stand-ins/k3s/internal/addons/manifests/coredns.yaml"), "utf8");
    const { data } = (yaml.loadAll(manifest.replace(/%\{\w+\}%/g, "x")) as any[]).find(({ kind }) => kind === "ConfigMap");
    // There is no API server here, and no other name server.
    const corefile = String(data.Corefile)
      .replace(/ *kubernetes [\s\S]*?\}\n/, "")
      .replace(/ *(forward|health|loop|prometheus|import) ?.*\n/g, "")
      .replace("ready", `ready 127.0.0.1:${readiness}`)
      .replace(".:53 {", `.:${port} {\n  bind 127.0.0.1`);
    write(root, "etc/coredns/Corefile", corefile);
    write(root, "etc/coredns/NodeHosts", "192.168.200.11 node1\n");
    run(root, ["/coredns", "-conf", "/etc/coredns/Corefile"]);
    await ready({ host: "127.0.0.1", port: readiness }, "/ready", root);
    return { door: { host: "127.0.0.1", port }, target: "", ask: (from) => resolve(port, "node1", from), impatient: true };
  },
  "the simulator's name server": async () => {
    const maas = await Server.start();
    const names = await serveNames(new Zones(maas.maas.maas), "127.0.0.1", 0);
    stops.push(
      () => names.close(),
      () => maas.stop(),
    );
    return { door: { host: "127.0.0.1", port: names.port }, target: "", ask: (from) => resolve(names.port, "maas", from) };
  },
  "the mirror": async () => {
    const file = path.join(folder, "install.sh");
    fs.writeFileSync(file, "#!/bin/sh\n");
    const server = createMirror(async () => [{ at: "/install.sh", file }]);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    stops.push(
      async () => server.closeAllConnections(),
      async () => void server.close(),
    );
    return { door: { host: "127.0.0.1", port: (server.address() as net.AddressInfo).port }, target: "/install.sh" };
  },
  "TaskChampion's sync server": () => taskChampion(true),
  "TaskChampion's sync server without TLS": () => taskChampion(false),
};

/** The server, and its gate in front. */
async function taskChampion(withTls: boolean): Promise<Served> {
  const root = path.join(folder, `taskchampion-${withTls}`);
  fs.mkdirSync(path.join(root, "data"), { recursive: true });
  fs.mkdirSync(path.join(root, "dev"));
  await unpackImage("taskchampion-sync-server", root);
  const [listen, server, metrics] = [await freePort(), await freePort(), await freePort()];
  run(root, ["/usr/bin/taskchampion-sync-server"], { LISTEN: `127.0.0.1:${server}`, DATA_DIR: "/data" });
  await ready({ host: "127.0.0.1", port: server }, "/", root);
  const { certificates } = taskServersSettings.parse({ organisations: [{ name: "Home", users: [{ name: "alice" }] }] });
  const authority = await issue(certificates.algorithm, authorityArgs(certificates));
  const request = { ...serverRequest(certificates, ["tasks.test"]), ipAddresses: ["127.0.0.1"] };
  const leaf = await issue(certificates.algorithm, { ...request, ...serverCertificateArgs(certificates) }, authority);
  write(root, "server.pem", `${leaf.certificate}\n${leaf.privateKey}`);
  write(root, "ids", `${NOBODY}\n`);
  const config = patient(renderTaskChampionGate({ listen, server }, { log: true, tls: withTls, clients: path.join(root, "ids") }))
    .replace(/crt \S+/, `crt ${root}/server.pem`)
    .replace(/bind :8404/, `bind 127.0.0.1:${metrics}`);
  const gate = await HaProxy.start(root, config, listen);
  stops.push(() => gate.stop());
  return { door: { host: "127.0.0.1", port: listen, ...(withTls && { tls: {} }) }, target: "/" };
}

afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  for (const child of children) {
    child.kill("SIGKILL");
  }
  fs.rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.keys(servers))("%s", (name) => {
  let served: Served;
  const crowd = new Crowd();

  beforeAll(async () => {
    served = await servers[name]();
  });
  afterEach(() => crowd.go());

  /** What clients get while this crowd waits, none of which is closed meanwhile: nobody is served only after them. */
  async function askedAmidst(from: string[]): Promise<(number | undefined)[]> {
    expect(crowd.opened).toBeGreaterThan(200);
    const before = served.impatient ? 0 : await crowd.settled();
    const answers = [];
    for (const each of from) {
      answers.push(await (served.ask?.(each) ?? ask(served.door, served.target, each)));
    }
    if (!served.impatient) {
      expect([await crowd.settled(), before > 200]).toEqual([before, true]);
    }
    return answers;
  }

  it("answers while another address opens 1,800 connections and says nothing", async () => {
    await crowd.come({ ...served.door, silent: true }, "127.0.0.2", 1800);
    expect(await askedAmidst(["127.0.0.1"])).toEqual([200]);
  });

  it("answers two addresses, one of which sends half and slow requests", async () => {
    await crowd.come(served.door, "127.0.0.2", 300);
    expect(await askedAmidst(["127.0.0.1", "127.0.0.2"])).toEqual([200, 200]);
  });
});

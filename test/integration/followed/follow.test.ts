import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { renderAlertmanagerConfig } from "../../../components/monitoring/alertmanager-config";
import { renderPrometheusConfig } from "../../../components/monitoring/prometheus-config";
import { renderTaskChampionGate } from "../../../components/taskserver/gate";
import { busyboxPath, debianProgram } from "../../support/debian";
import { HaProxy } from "../../support/haproxy";
import { Mounted } from "../../support/mounted";
import { freePort } from "../taskserver/server";

/** Debian's Prometheus, Alertmanager and HAProxy, which the embedded lab runs too, told of changes by the pods' own script. */
jest.setTimeout(120_000);

const script = path.resolve(__dirname, "../../../components/kubernetes/follow.sh");
const times = { groupWait: "1 minute", groupInterval: "5 minutes", repeatInterval: "4 hours" } as const;

describe("changed files", () => {
  let folder: string;
  let mounted: Mounted;
  const started: ChildProcess[] = [];

  function start(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): ChildProcess & { said: () => string } {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        said += chunk;
      });
    }
    started.push(child);
    return Object.assign(child, { said: () => said });
  }

  /** The reloader's container. What it signals are children of this process, as the pod's are of none in the pod. */
  async function follow(...run: string[]) {
    const tools = await busyboxPath();
    const pace = { FOLLOW_FIRST: "1", FOLLOW_EVERY: "0.2", FOLLOW_PARENT: String(process.pid) };
    return start(path.join(tools, "sh"), [script, mounted.folder, ...run], { PATH: tools, ...pace });
  }

  async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    for (let attempt = 0; attempt < 400; attempt++) {
      const found = await look().catch(() => undefined);
      if (found) {
        return found;
      }
      await sleep(50);
    }
    throw new Error(`never: ${what}`);
  }

  const text = async (url: string) => (await fetch(url)).text();

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "homelab-follow-"));
    mounted = new Mounted(path.join(folder, "mounted"));
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
    }
    await rm(folder, { recursive: true, force: true });
  });

  test("are read by a Prometheus that goes on running, and bad ones leave it as it was", async () => {
    const config = (scrapeInterval: "15 seconds" | "45 seconds") => ({ "prometheus.yml": renderPrometheusConfig({ scrapeInterval }) });
    await mounted.write(config("15 seconds"));
    const port = await freePort();
    const prometheus = start(await debianProgram("prometheus", "prometheus"), [
      `--config.file=${mounted.folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const url = `http://127.0.0.1:${port}`;
    await eventually("it is ready", async () => (await fetch(`${url}/-/ready`)).ok);
    await follow("signal", "HUP", "prometheus");
    await mounted.write(config("45 seconds"));
    await eventually("the new interval", async () => (await text(`${url}/api/v1/status/config`)).includes("45s"));
    await mounted.write({ "prometheus.yml": "scrape_configs: 3\n" });
    await eventually("the refusal is measured", async () =>
      (await text(`${url}/metrics`)).includes("prometheus_config_last_reload_successful 0"),
    );
    expect(await text(`${url}/api/v1/status/config`)).toContain("45s");
    expect([prometheus.exitCode, prometheus.signalCode]).toEqual([null, null]);
  });

  test("give a running Alertmanager its new receiver", async () => {
    const config = (receivers: Parameters<typeof renderAlertmanagerConfig>[1]["receivers"]) => ({
      "alertmanager.yml": renderAlertmanagerConfig(times, { receivers }),
    });
    await mounted.write(config([]));
    const port = await freePort();
    const alertmanager = start(await debianProgram("prometheus-alertmanager", "prometheus-alertmanager"), [
      `--config.file=${mounted.folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ]);
    const receivers = () => text(`http://127.0.0.1:${port}/api/v2/receivers`);
    await eventually("it answers", async () => (await receivers()).includes("nobody"));
    await follow("signal", "HUP", "*aler*");
    await mounted.write(config([{ type: "webhook", name: "pager", url: "https://pager.home.arpa/alerts" }]));
    await eventually("the receiver", async () => (await receivers()).includes("pager"));
    expect([alertmanager.exitCode, alertmanager.signalCode]).toEqual([null, null]);
  });

  test("let a new client of TaskChampion in beside a request that goes on, and nobody with two ids", async () => {
    const [alice, bob] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = http.createServer(async (request, response) => {
      await (request.url === "/slow" ? slow : undefined);
      response.end("served");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const [port, metrics] = [await freePort(), await freePort()];
    const config = renderTaskChampionGate(
      { listen: port, server: (server.address() as AddressInfo).port },
      { log: true, tls: false, clients: path.join(mounted.folder, "ids") },
    ).replace(/bind :8404/, `bind 127.0.0.1:${metrics}`);
    await mounted.write({ ids: `${alice}\n` });
    const gateFolder = path.join(folder, "gate");
    await mkdir(gateFolder);
    const gate = await HaProxy.start(gateFolder, config, port);
    started.push(gate.process);
    const asked = async (pathname: string, ...ids: string[]) =>
      (await fetch(`http://127.0.0.1:${port}${pathname}`, { headers: ids.map((id) => ["X-Client-Id", id] as [string, string]) })).status;
    try {
      expect(await asked("/v1/client/snapshot", alice)).toBe(200);
      expect(await asked("/v1/client/snapshot", bob)).toBe(403);
      expect(await asked("/v1/client/snapshot")).toBe(403);
      expect(await asked("/")).toBe(200);
      const going = asked("/slow", alice);
      await follow("signal", "USR2", "haproxy");
      await mounted.write({ ids: `${alice}\n${bob}\n` });
      await eventually("the new client is let in", async () => (await asked("/v1/client/snapshot", bob)) === 200);
      expect(await asked("/v1/client/snapshot", bob.toUpperCase())).toBe(200);
      expect(await asked("/v1/client/snapshot", alice, bob)).toBe(400);
      release();
      expect(await going).toBe(200);
      expect(gate.running).toBe(true);
    } finally {
      release();
      server.closeAllConnections();
      server.close();
    }
  });

  test("run a command, again where it failed, and not without a change", async () => {
    await mounted.write({ accounts: "one" });
    const log = path.join(folder, "log");
    const fails = path.join(folder, "fails");
    // Fails the first time that it sees the word two.
    const command = `cat ${mounted.folder}/accounts >>${log}; echo >>${log}; grep -q two ${mounted.folder}/accounts && mkdir ${fails} && exit 1; true`;
    const follower = await follow("/bin/sh", "-c", command);
    const seen = () => readFile(log, "utf8").catch(() => "");
    await eventually("the first run", async () => (await seen()) === "one\n");
    await mounted.write({ accounts: "two" });
    await eventually("the second try", async () => (await seen()) === "one\ntwo\ntwo\n");
    await mounted.write({ accounts: "three" });
    await eventually("the third version", async () => (await seen()) === "one\ntwo\ntwo\nthree\n");
    expect(follower.said()).toMatch(/^failed, to be tried again: \/bin\/sh -c /);
  });
});

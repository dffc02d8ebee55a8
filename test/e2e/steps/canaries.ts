import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import type { StackOutputs } from "../../../cli/live/lab-facts";
import { PassphraseCipher } from "../../../cli/report/paper/passphrase";
import versions from "../../../versions.json";
import { canariesIn, canariesInFiles, ProcessCanaries, type Sighting } from "../../support/canaries";
import { checkout, done, type TestLab } from "../support/lab";
import { LabMachine } from "../support/machines";
import { changeSettings } from "../support/settings";

const minutes = 60_000;

/** Alertmanager's API, by the cluster's. */
const alertmanager = "/api/v1/namespaces/monitoring/services/alertmanager:9093/proxy";

/**
 * Addresses of webhooks. Alertmanager takes them for secrets from 0.26 on; the one of the embedded lab, Debian's, is older and shows
 * them in its own status and log, which nobody reaches from outside the cluster.
 */
const addresses = ["webhook", "ntfy-topic", "dead-mans-switch"];

/** Who may have a secret in its environment: what hands the settings to the program, the program, and the steps, which get what they need. */
const entitled = /pulumi-language-nodejs|@pulumi\/pulumi\/cmd\/run|maas\/step\.cjs|maas\/run\/step|homelab-step/;

/** Where programs of a machine write. Layers of images and kubelet's own copies of them are left out. */
const folders = [
  "/etc",
  "/var/log",
  "/var/lib/cloud",
  "/var/lib/rancher/k3s",
  "/var/lib/kubelet",
  "/var/lib/systemd/coredump",
  "/var/crash",
  "/run",
  "/tmp",
  "/var/tmp",
  "/root",
  "/home",
];
const skipped = /\/(containerd|overlay|data|images|journal|proc|sys)(\/|$)/;

/**
 * Secrets of the settings that are known when they are met: set, encrypted, with the last change of a lab's life, and looked for in all
 * that can be read of it.
 */
export class Canaries {
  private readonly planted = new Map<string, string>();
  private watch?: ProcessCanaries;
  private temporary?: string;
  private cipher?: PassphraseCipher;

  constructor(private readonly lab: TestLab) {}

  /** A secret of its own for a place, as a stack file has it. */
  private async sealed(name: string, around: (canary: string) => string = (canary) => canary): Promise<{ secure: string }> {
    const canary = `canary-of-the-running-${name}`;
    this.planted.set(name, canary);
    if (!this.cipher) {
      const [passphrase, stack] = await Promise.all(
        ["passphrase", "stacks/Pulumi.sim.yaml"].map((file) => fs.readFile(path.join(this.lab.state, file), "utf8")),
      );
      this.cipher = PassphraseCipher.of(passphrase.trim(), (yaml.load(stack) as { encryptionsalt: string }).encryptionsalt);
    }
    return { secure: this.cipher.encrypt(around(canary)) };
  }

  /** Sets one in every place where the embedded lab has something to do with it, and watches processes from here on. */
  async plant(): Promise<void> {
    const power = await Promise.all(["power-1", "power-2", "power-3"].map((name) => this.sealed(name)));
    const userData = {
      files: [{ path: "/etc/app.conf", content: await this.sealed("file"), permissions: "0600" }],
      commands: [await this.sealed("command", (canary) => `true # ${canary}`)],
      bootCommands: [await this.sealed("boot-command", (canary) => `true # ${canary}`)],
    };
    const host = {
      name: "attic",
      type: "lxd",
      address: "https://192.0.2.7:8443",
      password: await this.sealed("vm-host-password"),
    };
    const auth = { username: await this.sealed("registry-user"), password: await this.sealed("registry-password") };
    const receivers = [
      { type: "webhook", name: "hook", url: await this.sealed("webhook", (canary) => `http://192.168.200.1:9095/${canary}`) },
      { type: "slack", name: "chat", webhookUrl: await this.sealed("slack", (canary) => `http://192.168.200.1:9095/${canary}`) },
      {
        type: "ntfy",
        name: "phone",
        server: "http://192.168.200.1:9095",
        topic: await this.sealed("ntfy-topic"),
        token: await this.sealed("ntfy-token"),
      },
    ];
    const mail = {
      type: "email",
      name: "post",
      to: "a@example.org",
      from: "b@example.org",
      smarthost: "192.168.200.1:9096",
      username: "lab",
    };
    const password = await this.sealed("mail-password");
    const deadMansSwitch = await this.sealed("dead-mans-switch", (canary) => `http://192.168.200.1:9095/${canary}`);
    const s3 = {
      endpoint: "https://192.0.2.8",
      bucket: "lab",
      accessKey: await this.sealed("s3-access-key"),
      secretKey: await this.sealed("s3-secret-key"),
    };
    const objectStorage = {
      url: "https://192.0.2.8/bucket",
      accessKeyId: await this.sealed("object-storage-id"),
      secretAccessKey: await this.sealed("object-storage-secret"),
    };
    changeSettings(
      this.lab,
      (config) => {
        for (const [index, machine] of config["homelab:machines"].entries()) {
          machine.power = { ...machine.power, parameters: { ...machine.power.parameters, power_pass: power[index] } };
        }
        config["homelab:machines"][2].userData = userData;
        config["homelab:maas"].vmHosts = [host];
        const cluster = config["homelab:cluster"];
        cluster.registries = { hosts: { "registry.example": { auth } } };
        cluster.backups = { ...cluster.backups, s3 };
        const { alertmanager } = config["homelab:monitoring"];
        Object.assign(alertmanager, { deadMansSwitch, receivers: [...alertmanager.receivers, ...receivers, { ...mail, password }] });
        const tasks = config["homelab:taskServers"];
        tasks.backup = { ...tasks.backup, objectStorage };
      },
      "canaries",
    );
    this.temporary = await fs.mkdtemp(path.join(tmpdir(), "homelab-canaries-"));
    this.lab.environment.TMPDIR = this.temporary;
    this.watch = new ProcessCanaries(
      () => this.planted,
      (command) => entitled.test(command),
    );
  }

  /** A run that fails after steps got their secrets: MAAS refuses every edit of a machine and of a VM host. */
  private async failingUp(): Promise<void> {
    const [power, password] = [await this.sealed("power-anew"), await this.sealed("vm-host-anew")];
    changeSettings(
      this.lab,
      (config) => {
        config["homelab:machines"][1].power.parameters.power_pass = power;
        config["homelab:maas"].vmHosts[0].password = password;
      },
      "canaries-anew",
    );
    const key = (await fs.readFile(path.join(this.lab.state, "sim", "api-key"), "utf8")).trim();
    const faults = (method: string, fault?: object) =>
      fetch("http://192.168.200.1:5240/sim/faults", {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: fault && JSON.stringify(fault),
      });
    for (const place of ["machines", "vm-hosts"]) {
      expect((await faults("POST", { kind: "error", status: 403, method: "PUT", path: place })).status).toBe(201);
    }
    const failed = await this.lab.lab("up");
    expect([failed.code, failed.output]).toEqual([expect.any(Number), expect.stringMatching(/403/)]);
    expect(failed.code).not.toBe(0);
    expect((await faults("DELETE")).status).toBe(200);
  }

  /** Everything of the cluster that can be listed, but Secrets, and all that its containers have said. */
  private async clusterTexts(api: KubernetesApi): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    const groups = await api.get<{ groups: { preferredVersion: { groupVersion: string } }[] }>("/apis");
    const versions = ["/api/v1", ...groups.groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
    for (const version of versions) {
      const { resources } = await api.get<{ resources: { name: string; verbs: string[] }[] }>(version);
      for (const { name } of resources.filter(({ name: kind, verbs }) => verbs.includes("list") && kind !== "secrets")) {
        texts[`${version}/${name}`] = await api.text("GET", `${version}/${name}`);
      }
    }
    const { items } = JSON.parse(texts["/api/v1/pods"]) as {
      items: { metadata: { namespace: string; name: string }; spec: { containers: { name: string }[] } }[];
    };
    for (const { metadata, spec } of items) {
      for (const { name } of spec.containers) {
        const at = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log?container=${name}`;
        // One whose container has not begun yet has said nothing.
        texts[at] = await api.text("GET", at).catch(() => "");
      }
    }
    return texts;
  }

  /** What Prometheus and Alertmanager show to everybody who reaches them. */
  private async monitoringTexts(api: KubernetesApi): Promise<Record<string, string>> {
    const pages = {
      "prometheus:9090": [
        ...["status/config", "status/flags", "status/runtimeinfo", "targets", "rules", "alerts", "alertmanagers", "metadata"].map(
          (page) => `api/v1/${page}`,
        ),
        `api/v1/series?match[]=${encodeURIComponent('{__name__=~".+"}')}`,
        "metrics",
      ],
      "alertmanager:9093": ["api/v2/status", "api/v2/alerts", "api/v2/receivers", "metrics"],
    };
    const texts: Record<string, string> = {};
    for (const [service, names] of Object.entries(pages)) {
      for (const name of names) {
        const at = `/api/v1/namespaces/monitoring/services/${service}/proxy/${name}`;
        texts[at] = await api.text("GET", at);
      }
    }
    expect(texts["/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/status/config"]).toContain("scrape_configs");
    expect(texts[`${alertmanager}/api/v2/status`]).toContain("receivers");
    return texts;
  }

  /** What MAAS shows to every user of it. */
  private async maasTexts(): Promise<Record<string, string>> {
    const pages = ["machines/", "events/?op=query&limit=1000", "tags/", "scripts/?include_script=true", "vm-hosts/", "zones/"];
    return Object.fromEntries(await Promise.all(pages.map(async (page) => [page, JSON.stringify(await this.lab.maas(page))] as const)));
  }

  private async machineTexts(): Promise<{ texts: Record<string, string>; files: Sighting[] }> {
    const texts: Record<string, string> = {};
    const files: Sighting[] = [];
    for (const number of [1, 2, 3]) {
      const machine = new LabMachine(this.lab, number);
      texts[`journal of machine ${number}`] = await machine.run("journalctl", "--no-pager", "--quiet").catch(() => "");
      const root = await machine.root();
      const found = await canariesInFiles(
        folders.map((folder) => `${root}${folder}`),
        this.planted,
        (file) => skipped.test(file.slice(root.length)),
      );
      for (const { canary, where } of found) {
        if (await readableByAll(root, where)) {
          files.push({ canary, where: `machine ${number}: ${where.slice(root.length)}` });
        }
      }
      // What was planted is there, so the search looks at the right files.
      expect(found.some(({ canary }) => canary === "registry-password")).toBe(true);
    }
    return { texts, files };
  }

  /**
   * Files of the lab, its logs, those that its commands have left in the temporary folder, git's, and what npm, shells and the engine
   * keep of what they were told. MAAS's database and the machines' disks have what they were given: for their owner's eyes.
   */
  async inFiles(): Promise<Sighting[]> {
    const world = path.join(this.lab.state, "sim");
    const homes = [".npm/_logs", ".pulumi/logs", ".local/state"].map((folder) => path.join(homedir(), folder));
    const git = path.join(checkout, ".git");
    const own = [this.lab.state, path.join(checkout, ".lab", "logs"), git, ...homes, ...(this.temporary ? [this.temporary] : [])];
    const skip = (file: string) =>
      [world, path.join(git, "objects")].includes(file) || file.includes("/plugins/") || file.endsWith("/passphrase");
    const histories = (await fs.readdir(homedir())).filter((name) => name.endsWith("_history"));
    const said = await Promise.all(
      histories.map(async (name) => canariesIn(await fs.readFile(path.join(homedir(), name), "utf8"), this.planted)),
    );
    expect(said.flat()).toEqual([]);
    return await canariesInFiles(own, this.planted, skip);
  }

  /** Texts and processes that have a secret of their own: each kind of search has to find it. */
  private async control(api: KubernetesApi): Promise<void> {
    const value = "canary-of-the-control";
    const control = new Map([["control", value]]);
    const collection = "/api/v1/namespaces/default/configmaps";
    await api.create(collection, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "control" }, data: { key: value } });
    const found = canariesIn((await this.clusterTexts(api))["/api/v1/configmaps"], control);
    await api.delete(`${collection}/control`);
    expect(found).toEqual(["control"]);
    const watch = new ProcessCanaries(
      () => control,
      () => false,
    );
    const machine = new LabMachine(this.lab, 1);
    const here = spawn("sleep", ["2"], { env: { CONTROL: value }, argv0: `sleep-${value}` });
    const inside = machine.run("sh", "-c", `sleep 2 # ${value}`);
    await Promise.all([once(here, "close"), inside]);
    const seen = (await watch.stop()).map(({ where }) => where);
    for (const what of [`arguments: sleep-${value}`, `environment CONTROL of: sleep-${value}`, `arguments: sh -c sleep 2 # ${value}`]) {
      expect(seen).toContainEqual(expect.stringContaining(what));
    }
    const root = await machine.root();
    await fs.writeFile(`${root}/etc/control`, value, { mode: 0o644 });
    const [file] = await canariesInFiles([`${root}/etc`], control);
    expect([file.where, await readableByAll(root, file.where)]).toEqual([`${root}/etc/control`, true]);
    await fs.chmod(`${root}/etc/control`, 0o600);
    expect(await readableByAll(root, file.where)).toBe(false);
    await fs.rm(`${root}/etc/control`);
  }

  steps(): void {
    it(
      "gives no secret of its settings away: in state, plan, logs, processes, files, the cluster, Prometheus, or what commands say",
      async () => {
        await this.failingUp();
        // MAAS's database has them, so the search looks at the right files: nobody else may.
        const database = await canariesInFiles([path.join(this.lab.state, "sim", "maas")], this.planted);
        expect([database.length > 0, database.filter(({ mode }) => mode & 0o077)]).toEqual([true, []]);
        await done(this.lab.lab("up"));
        for (const command of [["preview", "--diff"], ["report"], ["drift"], ["status"], ["status", "--json"], ["doctor"]]) {
          await this.lab.lab(...command);
        }
        await this.lab.pulumi("stack", "export");
        const { kubeconfig = "" } = await this.lab.stackOutputs<StackOutputs>();
        const api = new KubernetesApi(kubeconfig);
        const machines = await this.machineTexts();
        const texts: Record<string, string> = {
          ...(await this.clusterTexts(api)),
          ...(await this.monitoringTexts(api)),
          ...(await this.maasTexts()),
          ...machines.texts,
        };
        const said = Object.entries(texts).flatMap(([where, text]) => canariesIn(text, this.planted).map((canary) => ({ canary, where })));
        const processes = (await this.watch?.stop()) ?? [];
        expect(versions.images.alertmanager.upstream).toMatch(/:v0\.(2[6-9]|[3-9]\d)\./);
        const { versionInfo } = JSON.parse(texts[`${alertmanager}/api/v2/status`]) as { versionInfo: { version: string } };
        const unmasked = /^0\.(1\d|2[0-5])\./.test(versionInfo.version);
        const toldByAlertmanager = ({ canary, where }: Sighting) => addresses.includes(canary) && /\/alertmanager[-:]/.test(where);
        expect({
          said: said.filter((each) => !(unmasked && toldByAlertmanager(each))),
          processes,
          onMachines: machines.files,
          here: await this.inFiles(),
        }).toEqual({
          said: [],
          processes: [],
          onMachines: [],
          here: [],
        });
        expect(this.watch?.looked).toBeGreaterThan(100);
        expect(this.planted.size).toBeGreaterThan(20);
        await this.control(api);
      },
      10 * minutes,
    );
  }

  async end(): Promise<void> {
    await this.watch?.stop();
    if (this.temporary) {
      // What takes the lab down after a failure wants a folder that is there.
      delete this.lab.environment.TMPDIR;
      await fs.rm(this.temporary, { recursive: true, force: true });
    }
  }
}

/** Whether a user without any right can read a file: it and every folder above it let them. */
async function readableByAll(root: string, file: string): Promise<boolean> {
  if (((await fs.stat(file)).mode & 0o004) === 0) {
    return false;
  }
  for (let folder = path.dirname(file); folder.startsWith(root); folder = path.dirname(folder)) {
    if (((await fs.stat(folder)).mode & 0o001) === 0) {
      return false;
    }
    if (folder === root) {
      break;
    }
  }
  return true;
}

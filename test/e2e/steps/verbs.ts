import { X509Certificate } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import type { StackOutputs } from "../../../cli/live/lab-facts";
import type { Discovery } from "../../../cli/new/discovery";
import type { Machine } from "../../../components/maas/api/types";
import { dashboards } from "../../../components/watched";
import { panelsWithoutData } from "../../support/panels";
import { checkout, done, eventually, type TestLab } from "../support/lab";
import { freePort, served } from "../support/network";
import { answersHowTos, asksAsRunbooks, livesAsNewStack } from "./how-tos";

const minutes = 60_000;

/** The verbs that no other step shows. What they do together they do side by side: none waits for another one's. */
export function verbSteps(lab: TestLab): void {
  describe("verbs", () => {
    let folder: string;

    beforeAll(async () => {
      folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-verbs-"));
    });
    afterAll(() => fs.rm(folder, { recursive: true, force: true }));

    it(
      "adds its cluster to a kubeconfig beside another one, says what runs, leads to its pages, and locks a machine",
      async () => {
        await Promise.all([mergesKubeconfig(), saysWhatIsThere(), leadsToPages(), locksMachines()]);
      },
      3 * minutes,
    );

    it(
      "proposes the settings that its own MAAS has, checks them, and draws what all of it is made of",
      async () => {
        await Promise.all([proposesWhatIsThere(), drawsGraph()]);
      },
      3 * minutes,
    );

    it(
      "does what the how-tos say of a new stack, of moving its state, of machines, devices and backups, and answers what the runbooks ask",
      async () => {
        await Promise.all([livesAsNewStack(lab, folder), answersHowTos(lab, folder), asksAsRunbooks(lab)]);
      },
      6 * minutes,
    );

    it(
      "draws every dashboard with data, writes its task servers for Docker Compose, and runs a test",
      async () => {
        await Promise.all([drawsDashboards(), writesCompose(), runsTests()]);
      },
      5 * minutes,
    );

    async function mergesKubeconfig(): Promise<void> {
      const file = path.join(folder, "kubeconfig");
      const office = {
        cluster: { name: "office", cluster: { server: "https://192.0.2.1:6443" } },
        user: { name: "me", user: { token: "mine" } },
        context: { name: "office", context: { cluster: "office", user: "me" } },
      };
      const before = yaml.dump({
        apiVersion: "v1",
        kind: "Config",
        clusters: [office.cluster],
        users: [office.user],
        contexts: [office.context],
        "current-context": "office",
      });
      await fs.writeFile(file, before);
      await done(lab.lab("kubeconfig", "--file", file));
      const merged = await fs.readFile(file, "utf8");
      const config = yaml.load(merged) as Record<"clusters" | "users" | "contexts", { name: string }[]> & { "current-context": string };
      expect([config.clusters[0], config.users[0], config.contexts[0]]).toEqual([office.cluster, office.user, office.context]);
      expect([config.clusters, config.users, config.contexts].map((list) => list[1].name)).toEqual(Array(3).fill("homelab-sim"));
      expect(config["current-context"]).toBe("office");
      expect(await fs.readFile(`${file}.before-lab`, "utf8")).toBe(before);
      expect((await fs.stat(file)).mode & 0o777).toBe(0o600);

      await done(lab.lab("kubeconfig", "--file", file, "--use"));
      const api = new KubernetesApi(await fs.readFile(file, "utf8"));
      const { items } = await api.get<{ items: { metadata: { name: string } }[] }>("/api/v1/nodes");
      expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(["node1", "node2"]);
    }

    async function saysWhatIsThere(): Promise<void> {
      const found = JSON.parse((await done(lab.lab("doctor", "--json"))).stdout) as { what: string; state: string; detail: string }[];
      expect(found.filter(({ state }) => state === "wrong")).toEqual([]);
      expect(found.find(({ what }) => what === "embedded lab")).toMatchObject({
        state: "present",
        detail: "MAAS at http://192.168.200.1:5240/MAAS",
      });
      // What this lab was made from.
      for (const part of ["Pulumi engine", "machine image", "Kubernetes", "container images"]) {
        expect(found.find(({ what }) => what === part)).toMatchObject({ state: "present" });
      }
    }

    async function leadsToPages(): Promise<void> {
      const port = await freePort();
      const forwarded = lab.start("open", "alertmanager", "--port", String(port), "--print");
      const [home, maas] = await Promise.all(["home", "maas"].map((page) => done(lab.lab("open", page, "--print"))));
      expect(home.stdout).toBe("https://home.lab.home.arpa\n");
      // This computer does not ask the lab's DNS.
      expect(home.output).toContain("./lab hosts");
      expect((await fetch(`${maas.stdout.trim()}/api/2.0/version/`)).status).toBe(200);

      const url = `http://127.0.0.1:${port}`;
      await eventually("Alertmanager at the forwarded port", 60, async () => forwarded.output().includes("until Ctrl-C"));
      const status = (await (await fetch(`${url}/api/v2/status`)).json()) as { versionInfo: { version: string } };
      expect(status.versionInfo.version).toMatch(/^\d+\.\d+/);
      process.kill(-(forwarded.child.pid ?? 0), "SIGINT");
      expect(await forwarded.done).toMatchObject({ code: 0, stdout: `${url}\n` });
      await expect(fetch(url)).rejects.toThrow();
    }

    async function locksMachines(): Promise<void> {
      const node2 = async () => (await lab.maas<Machine[]>("machines/?hostname=node2"))[0];
      expect((await done(lab.lab("machine", "lock", "node2", "--comment", "a demonstration"))).output).toContain("node2 is Deployed");
      expect((await node2()).locked).toBe(true);
      const [misspelt, off] = await Promise.all([lab.lab("machine", "unlock", "nod2"), lab.lab("machine", "off", "node2")]);
      expect([misspelt.code, misspelt.output]).toEqual([2, expect.stringContaining("did you mean node2?")]);
      // Nobody can be asked here.
      expect([off.code, off.output]).toEqual([2, expect.stringContaining("--yes")]);
      expect(await node2()).toMatchObject({ locked: true, power_state: "on" });
      await done(lab.lab("machine", "unlock", "node2"));
      expect((await node2()).locked).toBe(false);
    }

    async function proposesWhatIsThere(): Promise<void> {
      const url = "http://192.168.200.1:5240/MAAS";
      const keyFile = path.join(lab.state, "sim", "api-key");
      const [known, unknown, program] = await Promise.all([
        done(lab.lab("discover")),
        done(lab.lab("discover", "--url", url, "--key-file", keyFile)),
        done(lab.lab("discover", "--url", url, "--key-file", keyFile, "--json")),
      ]);
      expect(unknown.stdout).toBe(known.stdout);
      const { config } = yaml.load(await fs.readFile(path.join(checkout, "Pulumi.sim.yaml"), "utf8")) as {
        config: Record<string, Record<string, unknown>>;
      };
      const proposed = yaml.load(known.stdout) as typeof config;
      expect(proposed["homelab:machines"]).toEqual(config["homelab:machines"]);
      const { subnet, gateway } = config["homelab:network"];
      expect(proposed["homelab:network"]).toEqual({ subnet, gateway });
      expect(known.stdout).toContain("# node1, node2: in use.");
      expect((JSON.parse(program.stdout) as Discovery).machines.map(({ name }) => name)).toEqual(["node1", "node2"]);

      // As a user would do it: the words of the proposal in the place of the machines and the network.
      const { "homelab:machines": _, "homelab:network": __, ...rest } = config;
      const taken = path.join(folder, "taken.yaml");
      const wrong = path.join(folder, "wrong.yaml");
      await fs.writeFile(taken, `${yaml.dump({ config: rest }, { noRefs: true })}${known.stdout}`);
      await fs.writeFile(
        wrong,
        `${yaml.dump({ config: rest }, { noRefs: true })}${known.stdout.replace("52:54:00:c8:00:02", "52:54:00:c8:00:0")}`,
      );
      const [good, bad] = await Promise.all([lab.lab("check", taken), lab.lab("check", wrong)]);
      expect([good.code, good.output]).toEqual([0, "taken.yaml is valid: 2 machines, environment sim\n"]);
      expect([bad.code, bad.output]).toEqual([2, expect.stringContaining("machines[1].macAddresses[0]")]);
    }

    async function drawsGraph(): Promise<void> {
      const [components, everything] = ["components", "everything"].map((name) => path.join(folder, `${name}.svg`));
      await Promise.all([done(lab.lab("graph", "--out", components)), done(lab.lab("graph", "--all", "--out", everything))]);
      const words = async (file: string) =>
        [...(await fs.readFile(file, "utf8")).matchAll(/<text [^>]*>([^<]*)</g)].map((match) => match[1].replaceAll("&#45;", "-"));
      const folded = await words(components);
      expect(folded).toEqual(
        expect.arrayContaining(["Maas maas", "node1", "node2", "Cluster k3s", "Monitoring monitoring", "TaskServers tasks"]),
      );
      const all = await words(everything);
      expect(all).toEqual(expect.arrayContaining(["node1-enlistment", "StatefulSet", "Cluster k3s"]));
      expect(all.length).toBeGreaterThan(2 * folded.length);
    }

    async function drawsDashboards(): Promise<void> {
      const prometheus = await lab.prometheus();
      const parts = ["alertmanager", "kube-state-metrics", "maas", "task-servers"] as const;
      await eventually("data for every panel", 120, async () => (await panelsWithoutData(prometheus, parts)).length === 0);
      const out = path.join(folder, "plots");
      await done(lab.lab("plot", "--out", out, "--minutes", "5"));
      const specs = dashboards("tasks");
      const titles = await Promise.all(
        specs.map(async ({ uid, title, rows }) => {
          const drawn = await fs.readFile(path.join(out, `${uid.replace(/^homelab-/, "")}.svg`), "utf8");
          const panels = rows.flatMap(({ panels: all }) => all);
          // No etcd of its own in a cluster of one server, whose store is SQLite.
          const without = panels.filter(({ needs, mayBeEmpty }) => needs === "etcd" && mayBeEmpty === undefined).length;
          expect([title, drawn.split(">no data<").length - 1]).toEqual([title, without]);
          expect(panels.filter((panel) => !drawn.includes(`>${panel.title.replaceAll("&", "&amp;").slice(0, 12)}`))).toEqual([]);
          return title;
        }),
      );
      expect(titles.length).toBe((await fs.readdir(out)).length);
    }

    async function writesCompose(): Promise<void> {
      const out = path.join(folder, "compose");
      await done(lab.lab("compose", "tasks", "--out", out));
      const { taskCompose = [], taskServer, taskUsers = {} } = await lab.stackOutputs<StackOutputs>();
      const names = (await fs.readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      expect(names.map(({ parentPath, name }) => path.relative(out, path.join(parentPath, name))).sort()).toEqual(
        taskCompose.map(({ name }) => name).sort(),
      );
      const mode = async (name: string) => ((await fs.stat(path.join(out, name))).mode & 0o777).toString(8);
      expect(await Promise.all(["compose.yaml", "taskd-tls", "taskd-tls/server.key", "taskd-accounts/accounts"].map(mode))).toEqual([
        "644",
        "700",
        "400",
        "400",
      ]);
      const certificate = new X509Certificate(await fs.readFile(path.join(out, "taskd-tls", "server.pem")));
      expect(certificate.fingerprint256).toBe(await served(String(taskServer?.taskd)));
      // An account is a user's key, which their clients know.
      const accounts = await fs.readFile(path.join(out, "taskd-accounts", "accounts"), "utf8");
      const keys = Object.values(taskUsers).map(({ taskd }) => taskd?.credentials.split("/")[2] ?? "none");
      expect(keys.map((key) => accounts.includes(key))).toEqual([true, true]);
      const again = await lab.lab("compose", "tasks", "--out", out);
      expect([again.code, again.output]).toEqual([2, expect.stringContaining("the folder is not empty")]);
      await done(lab.lab("compose", "tasks", "--out", out, "--overwrite"));
    }

    async function runsTests(): Promise<void> {
      const [one, none] = await Promise.all([
        lab.lab("test", "--only", "unit", "test/unit/cli/kubeconfig", "--", "--testNamePattern", "leaves other clusters"),
        lab.lab("test", "--only", "unit", "test/unit/cli/no-such-file"),
      ]);
      expect([one.code, one.stdout]).toEqual([0, expect.stringMatching(/^[1-9]\d* passed, 0 failed/)]);
      expect([none.code, none.stdout]).toEqual([1, "0 passed, 0 failed\n"]);
    }
  });
}

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { KubernetesApi } from "../../cli/live/kubernetes-api";
import type { StackOutputs } from "../../cli/live/lab-facts";
import type { LabStatus } from "../../cli/live/summary";
import { MaasClient } from "../../components/maas/api/client";
import type { Machine } from "../../components/maas/api/types";
import type { UserAccess } from "../../components/taskserver/taskrc";
import versions from "../../versions.json";
import { plainProgramSteps } from "./steps/plain-program";
import { rotationSteps } from "./steps/rotation";
import { updateSteps } from "./steps/updates";
import { ApiWatch, type Availability } from "./support/api-watch";
import { applyKinds } from "./support/kinds-of-change";
import { checkout, eventually, failureOf, TestLab } from "./support/lab";
import { LabMachine, ProcessWatch } from "./support/machines";
import { reviewedChange } from "./support/reviewed-change";
import { changeSettings } from "./support/settings";
import { silentConnections } from "./support/silent";
import { type Synced, SyncWatch } from "./support/sync-watch";
import { machine, tasksName, virtualAddress, writeSettings } from "./support/three-servers";

const settings = path.join(checkout, ".lab", "three-servers.yaml");
const lab = new TestLab("e2e-cluster", settings);
const machines = [1, 2, 3, 4, 5].map((number) => new LabMachine(lab, number));
const byName = (node: string) => machines[Number(node.slice(-1)) - 1];
const minutes = 60_000;
const servers = [machine(1, "server"), machine(2, "server"), machine(3, "server")];
const { before: older, version, next } = versions.k3s;

interface NodeObject {
  metadata: { name: string; uid: string; labels: Record<string, string> };
  spec: { unschedulable?: boolean };
  status: { conditions: { type: string; status: string }[]; nodeInfo: { kubeletVersion: string } };
}

const isReady = ({ status }: NodeObject) => status.conditions.some(({ type, status: value }) => type === "Ready" && value === "True");

/** The nodes as the server `from` sees them, by name. */
async function nodes(from = "node1"): Promise<Map<string, NodeObject>> {
  const { items } = JSON.parse(await byName(from).kubectl("get", "nodes", "--output", "json")) as { items: NodeObject[] };
  return new Map(items.map((node) => [node.metadata.name, node]));
}

/** Who has the virtual address: the holder of kube-vip's lease. */
const holder = (from: string) =>
  byName(from).kubectl("get", "lease", "plndr-cp-lock", "--namespace", "kube-system", "--output", "jsonpath={.spec.holderIdentity}");

async function up(): Promise<void> {
  const outcome = await lab.lab("up");
  expect(failureOf(outcome)).toBe("");
}

/** Names of nodes that the cluster keeps a password for: whoever comes under one of them has to know it. */
async function passwordsOfNodes(): Promise<string[]> {
  const secrets = await byName("node1").kubectl("get", "secrets", "--namespace", "kube-system", "--output", "name");
  return [...secrets.matchAll(/(\S+)\.node-password/g)].map((match) => match[1].replace("secret/", "")).sort();
}

/** Presses a machine's power switch through MAAS. */
async function power(node: string, direction: "on" | "off"): Promise<void> {
  const apiKey = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim();
  const client = new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey });
  const [{ system_id }] = await client.get<Machine[]>("machines/", { hostname: node });
  await client.post(`machines/${system_id}/`, `power_${direction}`, direction === "off" ? { stop_mode: "hard" } : {});
}

/** Claims whose volumes lie on a node. */
async function volumesOn(node: string): Promise<string[]> {
  const { items } = JSON.parse(await byName("node1").kubectl("get", "persistentvolumes", "--output", "json")) as {
    items: { spec: { claimRef: { name: string }; nodeAffinity: object } }[];
  };
  return items.filter(({ spec }) => JSON.stringify(spec.nodeAffinity).includes(`"${node}"`)).map(({ spec }) => spec.claimRef.name);
}

/** Steps of one life of a cluster, in order: each needs what the one before it has made. */
describe("a cluster of three servers", () => {
  const watch = new ProcessWatch();
  const figures: Record<string, Availability> = {};
  const synced: Record<string, Synced> = {};
  let kubeconfig: string;

  /** Runs `work` while somebody asks the API and syncs tasks with both servers all the time. Nothing that was acknowledged may be lost. */
  async function withClients<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { taskUsers } = await lab.stackOutputs<StackOutputs>();
    const alice = (taskUsers as Record<string, UserAccess>)["Home/alice"];
    const hosts = { [tasksName]: virtualAddress };
    const users = { taskd: await SyncWatch.begin(alice, 2, hosts), taskchampion: await SyncWatch.begin(alice, 3, hosts) };
    const api = new ApiWatch(kubeconfig);
    // Those that go on would keep jest from ending.
    const abandoned = async (error: unknown) => {
      for (const user of Object.values(users)) {
        user.abandon();
      }
      await api.stop();
      throw error;
    };
    const ended = await work().catch(abandoned);
    figures[name] = await api.stop();
    for (const [server, user] of Object.entries(users)) {
      const before = user.answers;
      await eventually(`${server} serves again`, 120, async () => user.answers > before);
      synced[`${name}: ${server}`] = await user.stop();
    }
    for (const server of Object.keys(users)) {
      const { lost, acknowledged } = synced[`${name}: ${server}`];
      expect([server, lost]).toEqual([server, []]);
      expect(acknowledged).toBeGreaterThan(0);
    }
    return ended;
  }

  /** The most that `count` says of the nodes, which are listed each second until `work` has ended. */
  async function mostDuring<T>(count: (nodes: NodeObject[]) => number, work: Promise<T>): Promise<{ ended: T; most: number }> {
    const watched = new KubernetesApi(kubeconfig);
    let most = 0;
    let working = true;
    const sampling = (async () => {
      while (working) {
        const { items } = await watched.get<{ items: NodeObject[] }>("/api/v1/nodes").catch(() => ({ items: [] }));
        most = Math.max(most, count(items));
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    })();
    const ended = await work.finally(() => {
      working = false;
    });
    await sampling;
    return { ended, most };
  }

  beforeAll(async () => {
    await fs.mkdir(path.dirname(settings), { recursive: true });
  });
  afterAll(async () => {
    await watch.stop();
    await fs.writeFile(
      path.join(checkout, ".lab", "logs", "e2e-cluster-availability.json"),
      `${JSON.stringify({ ...figures, ...synced }, null, 2)}\n`,
    );
    if ((await lab.leftovers()).length > 0) {
      await lab.lab("down", "--yes");
    }
    // Where that was refused, as by settings that a test left invalid.
    if ((await lab.leftovers()).length > 0) {
      await lab.lab("down", "--force");
    }
  }, 10 * minutes);

  it(
    "comes up behind a virtual address",
    async () => {
      await writeSettings(settings, servers, { version: older }, { tasks: true });
      await up();
      ({ kubeconfig } = await lab.stackOutputs<{ kubeconfig: string }>());
      expect(kubeconfig).toContain(`server: https://${virtualAddress}:6443`);
      const { cluster } = JSON.parse((await lab.lab("status", "--json")).stdout) as LabStatus;
      const seen = cluster as Extract<LabStatus["cluster"], { nodes: unknown }>;
      expect(seen.nodes.map(({ name, ready }) => [name, ready]).sort()).toEqual([1, 2, 3].map((number) => [`node${number}`, true]));
      expect(seen.pods.filter(({ ready }) => !ready)).toEqual([]);
    },
    15 * minutes,
  );

  it(
    "answers at its virtual address while another machine holds 1,800 connections to it and says nothing",
    async () => {
      const from = byName((await holder("node1")) === "node3" ? "node2" : "node3");
      const api = new ApiWatch(kubeconfig);
      const held = await silentConnections(from, { host: virtualAddress, port: 6443 }, 1800, 10).finally(() => api.stop());
      // From that machine's address, too, others are answered while all of these are still waited for.
      expect(held).toEqual({ opened: 1800, open: 1800, answered: true });
      expect(api.answers).toBeGreaterThan(10);
    },
    3 * minutes,
  );

  const kubelets = async () => [...(await nodes()).values()].map(({ status }) => status.nodeInfo.kubeletVersion);

  it(
    "is upgraded to the next minor version by one command with clients at work, and goes back to the datastore of before",
    async () => {
      // What cannot be is refused before anything is touched.
      for (const [to, said] of Object.entries({
        "v1.99.0+k3s1": "does not know k3s 1.99",
        [version.replace(/\d+\+/, "999+")]: "the machines cannot have it",
      })) {
        const refused = await lab.lab("upgrade", "k3s", "--to", to, "--yes");
        expect([refused.code, refused.output]).toEqual([2, expect.stringContaining(said)]);
      }
      expect(await fs.readFile(settings, "utf8")).toContain(`version: ${older}`);

      await byName("node1").kubectl("create", "configmap", "before-the-upgrade", "--from-literal", "written=yes");
      const upgraded = await withClients("upgraded by a command", () => lab.lab("upgrade", "k3s", "--to", version, "--yes"));
      expect(failureOf(upgraded)).toBe("");
      expect(await kubelets()).toEqual(Array(3).fill(version));
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
      const downwards = await lab.lab("upgrade", "k3s", "--to", older, "--yes");
      expect([downwards.code, downwards.output]).toEqual([2, expect.stringContaining("cannot go back to an older version")]);

      await byName("node1").kubectl("create", "configmap", "after-the-upgrade", "--from-literal", "written=yes");
      const returned = await lab.lab("upgrade", "k3s", "--back", "--yes");
      expect(failureOf(returned)).toBe("");
      expect(await kubelets()).toEqual(Array(3).fill(older));
      const there = await byName("node1").kubectl("get", "configmaps", "--output", "name");
      expect([there.includes("before-the-upgrade"), there.includes("after-the-upgrade")]).toEqual([true, false]);
      ({ kubeconfig } = await lab.stackOutputs<{ kubeconfig: string }>());
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
      // What was synced meanwhile is on volumes, which the datastore's backup does not touch.
      await withClients("after going back", () => eventually("syncs", 60, async () => (await nodes()).size === 3));
    },
    25 * minutes,
  );

  it(
    "answers at its virtual address after a power cut of the server that had it, and after that of another one; both come back",
    async () => {
      const first = await holder("node1");
      const api = new ApiWatch(kubeconfig);
      await eventually("the API answers", 60, async () => api.answers > 5);
      await byName(first).kill();
      await eventually("the power cut is noticed", 60, async () => api.failures > 0);
      const before = api.answers;
      await eventually("the API answers again", 120, async () => api.answers > before + 20);
      figures.failover = await api.stop();
      const survivor = first === "node1" ? "node2" : "node1";
      expect(await holder(survivor)).not.toBe(first);

      await power(first, "on");
      await eventually(`${first} is back`, 240, async () => {
        // Its Ready of before stays in the datastore until somebody notices.
        await byName(first).run("systemctl", "is-active", "k3s");
        return isReady((await nodes(first)).get(first) as NodeObject);
      });
      const second = first === "node3" ? "node2" : "node3";
      await power(second, "off");
      const again = new ApiWatch(kubeconfig);
      await eventually("the API answers without the second", 120, async () => again.answers > 20);
      figures.stopped = await again.stop();
      await power(second, "on");
      await eventually(`${second} is back`, 240, async () => {
        await byName(second).run("systemctl", "is-active", "k3s");
        return isReady((await nodes(second)).get(second) as NodeObject);
      });
    },
    12 * minutes,
  );

  it(
    "takes an agent in, and takes a server back that was deployed anew, with another disk layout, system and address",
    async () => {
      const before = await nodes();
      applyKinds(lab, "deployedAnew", {
        // The embedded lab's machines have no way to a package archive.
        "user-data-of-the-server": (settings) => {
          settings.machines[1].userData = { commands: ["touch /etc/deployed-anew"] };
        },
        "machine-added": (settings) => settings.machines.push(machine(4, "agent", { labels: { disk: "ssd" } })),
      });
      const report = await reviewedChange(lab);
      // The other servers' k3s has node2's new address in its configuration.
      expect(report.machines).toEqual({ node1: "interrupts", node2: "destroys", node3: "interrupts", node4: "adds" });

      const after = await nodes();
      expect([...after.keys()].sort()).toEqual(["node1", "node2", "node3", "node4"]);
      expect([...after.values()].filter((node) => !isReady(node))).toEqual([]);
      expect(after.get("node4")?.metadata.labels.disk).toBe("ssd");
      expect(await passwordsOfNodes()).toContain("node4");
      // Another machine under the name of the old one.
      expect(after.get("node2")?.metadata.uid).not.toBe(before.get("node2")?.metadata.uid);
      expect(await byName("node2").run("ls", "/etc/deployed-anew")).toContain("deployed-anew");
      const [node2] = await lab.maas<Machine[]>("machines/?hostname=node2");
      expect([node2.distro_series, node2.ip_addresses]).toEqual(["jammy", ["192.168.200.22"]]);
      expect(await lab.maas(`nodes/${node2.system_id}/volume-groups/`)).toMatchObject([{ name: "vgroot" }]);
      const runs = await lab.maas<{ results: { name: string; status_name: string }[] }[]>(
        `nodes/${node2.system_id}/results/?type=commissioning`,
      );
      const burns = runs.flatMap(({ results }) => results).filter(({ name }) => name === "45-burn-in");
      expect(burns).toMatchObject([{ status_name: "Passed" }]);
    },
    15 * minutes,
  );

  it(
    "is upgraded to the next minor version by a changed setting, one node at a time, and answers meanwhile",
    async () => {
      applyKinds(lab, "upgraded");
      const api = new ApiWatch(kubeconfig);
      const isAway = (node: NodeObject) => node.spec.unschedulable || !isReady(node);
      const { ended: report, most: away } = await mostDuring((items) => items.filter(isAway).length, reviewedChange(lab));
      expect(report.effects.filter(({ what }) => what.startsWith("upgraded")).map(({ subject }) => subject)).toEqual([
        ...["node1", "node2", "node3", "node4"],
      ]);
      figures.upgrade = await api.stop();
      expect(await kubelets()).toEqual(Array(4).fill(next));
      expect(away).toBe(1);
      expect(figures.upgrade.failed / figures.upgrade.requests).toBeLessThan(0.5);

      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
    },
    15 * minutes,
  );

  updateSteps(lab, machines.slice(0, 4), withClients);

  it(
    "lets an agent go, with its name, and makes new certificates",
    async () => {
      applyKinds(lab, "left", { "machine-removed": ({ machines: all }) => all.pop() });
      const report = await reviewedChange(lab);
      expect(report.machines).toEqual({ node1: "interrupts", node2: "interrupts", node3: "interrupts", node4: "destroys" });
      expect([...(await nodes()).keys()].sort()).toEqual(["node1", "node2", "node3"]);
      expect(await passwordsOfNodes()).toEqual(["node1", "node2", "node3"]);
    },
    5 * minutes,
  );

  rotationSteps(lab, machines.slice(0, 3), figures);

  it(
    "reinstalls its servers one after another where a change is common to all, and answers meanwhile",
    async () => {
      const before = await nodes();
      await byName("node1").kubectl("create", "configmap", "before-the-walk", "--from-literal", "written=yes");
      changeSettings(lab, (config) => {
        for (const each of config["homelab:machines"]) {
          each.userData = { commands: ["touch /etc/common-to-all"] };
        }
      });
      const reported = await lab.lab("report");
      expect(reported.stdout).toContain("One machine at a time: node1, node2, node3.");
      // A node that is taken out is missing for a while.
      const missing = (items: NodeObject[]) => (items.length === 0 ? 0 : servers.length - items.filter(isReady).length);
      const { ended: walked, most } = await withClients("reinstalled", () => mostDuring(missing, lab.lab("up")));
      expect(failureOf(walked)).toBe("");
      expect(walked.output).toContain("Reinstalling one after another: node1 ▶ node2 ▶ node3");
      expect(most).toBe(1);

      const after = await nodes();
      expect([...after.keys()].sort()).toEqual(["node1", "node2", "node3"]);
      for (const [name, node] of after) {
        expect([name, isReady(node), node.metadata.uid !== before.get(name)?.metadata.uid]).toEqual([name, true, true]);
        expect(await byName(name).run("ls", "/etc/common-to-all")).toContain("common-to-all");
      }
      expect(await byName("node2").kubectl("get", "configmap", "before-the-walk", "--output", "jsonpath={.data.written}")).toBe("yes");
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
    },
    20 * minutes,
  );

  it(
    "takes another machine in the place of a server that is dead, under its name, and answers meanwhile",
    async () => {
      const before = await nodes();
      // The walk has left them on another one; those of a dead machine are lost, and refused to be.
      expect(await volumesOn("node3")).toEqual([]);
      await byName("node3").kill();
      await eventually("the power cut is noticed", 120, async () => !isReady((await nodes()).get("node3") as NodeObject));
      const replaced = await withClients("replaced", () =>
        lab.lab(...["machine", "replace", "node3", "--mac", "52:54:00:c8:00:05", "--power", "power_id=node5", "--lost", "--yes"]),
      );
      expect(failureOf(replaced)).toBe("");
      expect(replaced.stdout).toContain("Data is lost on machine node3.");

      const after = await nodes();
      expect([...after.keys()].sort()).toEqual(["node1", "node2", "node3"]);
      expect([...after.values()].filter((node) => !isReady(node))).toEqual([]);
      expect(after.get("node3")?.metadata.uid).not.toBe(before.get("node3")?.metadata.uid);
      const known = await lab.maas<Machine[]>("machines/?hostname=node3");
      expect(known.map(({ boot_interface }) => boot_interface?.mac_address)).toEqual(["52:54:00:c8:00:05"]);
      expect(await machines[4].run("hostname")).toBe("node3\n");
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
    },
    15 * minutes,
  );

  it(
    "is rebuilt from a backup on clean machines",
    async () => {
      // The lab that it is restored into has no tasks.
      await byName("node1").kubectl("delete", "namespace", "tasks");
      const volumes = () => byName("node1").kubectl("get", "persistentvolumes", "--output", "name");
      await eventually("the volumes are gone", 240, async () => (await volumes()) === "");
      await byName("node1").kubectl("create", "configmap", "before-the-backup", "--from-literal", "written=yes");
      const folder = path.join(lab.state, "backups");
      const backup = await lab.lab("backup", "--to", folder);
      expect(backup.code === 0 ? "" : backup.output).toBe("");
      const archive = backup.stdout.trim();
      expect((await fs.stat(archive)).mode & 0o777).toBe(0o600);

      await expectNoSecretShown();
      expect(failureOf(await lab.lab("down"))).toBe("");
      lab.environment.LAB_SIM_SETTINGS = settings;
      // One server this time: a backup is not bound to the machines that it was made on.
      await writeSettings(settings, [machine(1, "server")], { datastore: "etcd", version: versions.k3s.next });
      await up();
      const refused = await lab.lab("restore", archive);
      expect(refused.code).toBe(2);
      expect(refused.output).toContain("--overwrite: the cluster of the stack sim is alive");
      const restored = await lab.lab("restore", archive, "--overwrite");
      expect(failureOf(restored)).toBe("");
      expect(await byName("node1").kubectl("get", "configmap", "before-the-backup", "--output", "jsonpath={.data.written}")).toBe("yes");
      expect([...(await nodes()).keys()]).toEqual(["node1"]);
      expect(failureOf(await lab.lab("status"))).toBe("");
    },
    20 * minutes,
  );

  plainProgramSteps(lab, 5);

  it(
    "leaves nothing behind, although nothing in the cluster answers any more",
    async () => {
      // Those that left the cluster do not run any more.
      await Promise.all(machines.map((machine) => machine.run("systemctl", "stop", "k3s").catch(() => "")));
      await expect(new KubernetesApi(kubeconfig).get("/readyz")).rejects.toThrow();
      expect(failureOf(await lab.lab("down"))).toBe("");
      expect(await lab.leftovers()).toEqual([]);
    },
    10 * minutes,
  );

  /** Tokens, passwords and keys of the running cluster in no process list so far, no command text, no log and no plain state. */
  async function expectNoSecretShown(): Promise<void> {
    const exported = await lab.pulumi("stack", "export");
    const clear = JSON.parse((await lab.unrecorded("pulumi", "stack", "export", "--show-secrets")).stdout) as {
      deployment: { resources: { type: string; outputs?: { result?: { plaintext: string } } }[] };
    };
    const passwords = clear.deployment.resources
      .filter(({ type }) => type === "random:index/randomPassword:RandomPassword")
      .map(({ outputs }) => JSON.parse(outputs?.result?.plaintext ?? '""') as string);
    expect(passwords.filter((password) => password.length < 20)).toEqual([]);
    const { sshKey } = await lab.stackOutputs<{ sshKey: string }>();
    const secrets = [
      ...passwords,
      ...sshKey.split("\n").filter((line) => /^[A-Za-z0-9+/=]{60,}$/.test(line)),
      ...[...kubeconfig.matchAll(/client-key-data: (\S{60})/g)].map((match) => match[1]),
    ];
    // Two tokens, a password for each node, and a user's key and encryption secret.
    expect(passwords.length).toBe(7);
    const texts: Record<string, string> = {
      "process list": [...watch.commands].join("\n"),
      "stack export": exported.output,
      "journal of node1": await byName("node1").run("journalctl", "--no-pager", "--output", "cat"),
    };
    for (const folder of [path.join(lab.state, "logs"), path.join(checkout, ".lab", "logs")]) {
      for (const name of (await fs.readdir(folder)).filter((file) => file.endsWith(".log"))) {
        texts[path.join(folder, name)] = await fs.readFile(path.join(folder, name), "utf8");
      }
    }
    expect(texts["process list"]).toContain("kube-apiserver");
    expect(texts["process list"]).toContain("k3s.sh install");
    expect(Object.entries(texts).flatMap(([name, text]) => (secrets.some((secret) => text.includes(secret)) ? [name] : []))).toEqual([]);
  }
});

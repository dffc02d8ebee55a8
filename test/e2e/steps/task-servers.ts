import * as fs from "node:fs/promises";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import type { StackOutputs } from "../../../cli/live/lab-facts";
import { verdict } from "../../../cli/report/report";
import { authorityArgs, clientCertificateArgs, clientRequest } from "../../../components/taskserver/certificates";
import { renderTaskrc, type UserAccess } from "../../../components/taskserver/taskrc";
import { taskServersSettings } from "../../../settings/task-servers";
import { issue } from "../../integration/taskserver/issuer";
import { TaskClient } from "../../integration/taskserver/server";
import { Taskwarrior3 } from "../../support/taskwarrior3";
import { applyKinds } from "../support/kinds-of-change";
import { eventually, type TestLab } from "../support/lab";
import { type LabView, look } from "../support/lab-view";
import { certificateOf, served } from "../support/network";
import { reviewedChange } from "../support/reviewed-change";
import { killPod, loseVolume } from "../support/volumes";

const minutes = 60_000;

/** What the task servers of a lab that is up must do for their clients. */
export function taskServerSteps(lab: TestLab): void {
  describe("task servers", () => {
    let folder: string;
    let outputs: StackOutputs;
    let api: KubernetesApi;
    let authority: string;

    const user = (name: string): UserAccess => (outputs.taskUsers as Record<string, UserAccess>)[`Home/${name}`];

    const taskdAddress = () => String(outputs.taskServer?.taskd);

    /** A device with Taskwarrior 2 whose taskrc is the stack's, or what a test makes of it. */
    async function device2(name: string, access: UserAccess): Promise<TaskClient> {
      const home = path.join(folder, name);
      await fs.mkdir(home, { recursive: true });
      const taskd = access.taskd as NonNullable<UserAccess["taskd"]>;
      await fs.writeFile(path.join(home, "ca.cert.pem"), taskd.ca);
      await fs.writeFile(path.join(home, `${access.user}.cert.pem`), taskd.certificate);
      await fs.writeFile(path.join(home, `${access.user}.key.pem`), taskd.key, { mode: 0o600 });
      const taskrc = `data.location=${home}\nconfirmation=no\nverbose=nothing\n${renderTaskrc(access, 2, home)}`;
      await fs.writeFile(path.join(home, "taskrc"), taskrc, { mode: 0o600 });
      return new TaskClient(home, "task");
    }

    /** The same with Taskwarrior 3. */
    async function device3(name: string, access: UserAccess): Promise<Taskwarrior3> {
      const device = await Taskwarrior3.create(path.join(folder, name));
      await fs.appendFile(device.taskrc, renderTaskrc(access, 3, folder));
      return device;
    }

    const sync3 = (device: Taskwarrior3) => device.task(["sync"], authority);

    beforeAll(async () => {
      folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-tasks-"));
      outputs = await lab.stackOutputs<StackOutputs>();
      api = new KubernetesApi(outputs.kubeconfig as string);
      authority = path.join(folder, "authority.pem");
      await fs.writeFile(authority, user("alice").taskchampion?.ca ?? "");
    }, minutes);

    afterAll(async () => {
      await fs.rm(folder, { recursive: true, force: true });
    });

    it(
      "lets two clients of Taskwarrior 3 converge over TLS, and shows them to nobody else",
      async () => {
        const laptop = await Taskwarrior3.create(path.join(folder, "laptop3"));
        const written = await lab.lab("taskrc", "alice", "--taskwarrior", "3", "--data", laptop.home, "--taskrc", laptop.taskrc);
        expect(written.output).toContain("set the sync settings");
        const phone = await device3("phone3", user("alice"));
        const bob = await device3("bob3", user("bob"));
        await laptop.task(["add", "water the tomatoes"]);
        expect(await laptop.task(["sync"], path.join(laptop.home, "ca.cert.pem"))).toMatchObject({ code: 0 });
        await phone.task(["add", "mow the lawn"]);
        expect(await sync3(phone)).toMatchObject({ code: 0 });
        expect(await sync3(laptop)).toMatchObject({ code: 0 });
        expect(await sync3(bob)).toMatchObject({ code: 0 });
        expect(await laptop.descriptions()).toEqual(["mow the lawn", "water the tomatoes"]);
        expect(await phone.descriptions()).toEqual(await laptop.descriptions());
        expect(await bob.descriptions()).toEqual([]);
      },
      2 * minutes,
    );

    it(
      "refuses a client that is not in the settings, and is refused by clients that do not know its authority or the user's secret",
      async () => {
        const champion = user("alice").taskchampion as NonNullable<UserAccess["taskchampion"]>;
        const stranger = await device3("stranger", {
          ...user("alice"),
          taskchampion: { ...champion, clientId: "00000000-0000-4000-8000-000000000001" },
        });
        const forgetful = await device3("forgetful", { ...user("alice"), taskchampion: { ...champion, encryptionSecret: "not it" } });
        const { certificates } = taskServersSettings.parse({});
        const other = await issue("ECDSA", authorityArgs(certificates));
        await fs.writeFile(path.join(folder, "other.pem"), other.certificate);
        const careful = await device3("careful", user("alice"));
        expect(await sync3(stranger)).toMatchObject({ code: 2, output: expect.stringContaining("403") });
        expect(await sync3(forgetful)).toMatchObject({ code: 2, output: expect.stringContaining("unsealing") });
        expect((await careful.task(["sync"], path.join(folder, "other.pem"))).code).toBe(2);
        // taskd is asked for the client's certificate as well.
        const foreign = await issue(
          "ECDSA",
          { ...clientRequest(certificates, user("alice")), ...clientCertificateArgs(certificates) },
          other,
        );
        const taskd = user("alice").taskd as NonNullable<UserAccess["taskd"]>;
        const forged = await device2("forged", {
          ...user("alice"),
          taskd: { ...taskd, certificate: foreign.certificate, key: foreign.privateKey },
        });
        await expect(forged.sync()).rejects.toThrow(/TLS fatal alert|TLS connection was non-properly terminated/);
      },
      2 * minutes,
    );

    it(
      "does not let a silent connection to taskd stop anybody",
      async () => {
        const [host, port] = taskdAddress().split(":");
        // The TCP connection alone: the handshake never begins.
        const idle = net.connect(Number(port), host);
        idle.on("error", () => undefined);
        await new Promise((resolve) => idle.once("connect", resolve));
        try {
          const device = await device2("patient", user("alice"));
          await device.task("add", "while another says nothing");
          await device.sync(true);
          expect(idle.destroyed).toBe(false);
          expect(await device.descriptions()).toContain("while another says nothing");
        } finally {
          idle.destroy();
        }
      },
      2 * minutes,
    );

    it(
      "loses no acknowledged change of either server when their pods are killed in the middle of 50 syncs",
      async () => {
        const seeds = await Promise.all(Array.from({ length: 25 }, (_, index) => device2(`parallel-${index}`, user("bob"))));
        const seeds3 = await Promise.all(Array.from({ length: 25 }, (_, index) => device3(`parallel3-${index}`, user("bob"))));
        const acknowledged: string[] = [];
        let done = 0;
        let killed: Promise<void> | undefined;
        const one = async (name: string, add: () => Promise<unknown>, sync: () => Promise<boolean>) => {
          await add();
          if (await sync()) {
            acknowledged.push(name);
          }
          done += 1;
          if (done === 10) {
            killed = Promise.all(["taskd", "taskchampion"].map((server) => killPod(api, "tasks", `${server}-0`))).then(() => undefined);
          }
        };
        const syncs = seeds.flatMap((device, index) => [
          one(
            `two ${index}`,
            () => device.task("add", `two ${index}`),
            () =>
              device.sync().then(
                () => true,
                () => false,
              ),
          ),
          one(
            `three ${index}`,
            () => seeds3[index].task(["add", `three ${index}`]),
            async () => (await sync3(seeds3[index])).code === 0,
          ),
        ]);
        await Promise.all(syncs);
        await killed;
        const fresh2 = await device2("fresh2", user("bob"));
        const fresh3 = await device3("fresh3", user("bob"));
        await eventually("both servers back", 120, async () => (await sync3(fresh3)).code === 0 && fresh2.sync().then(() => true));
        const found = [...(await fresh2.descriptions()), ...(await fresh3.descriptions())];
        expect(acknowledged.length).toBeGreaterThanOrEqual(10);
        expect(acknowledged.length).toBeLessThan(50);
        expect(acknowledged.filter((name) => !found.includes(name))).toEqual([]);
      },
      5 * minutes,
    );

    it(
      "brings every task back after both volumes are lost",
      async () => {
        const devices = { two: await device2("before2", user("alice")), three: await device3("before3", user("alice")) };
        await devices.two.sync();
        await sync3(devices.three);
        const before = [await devices.two.descriptions(), await devices.three.descriptions()];
        expect(before.map(({ length }) => length > 0)).toEqual([true, true]);
        const backup = await lab.lab("backup", "tasks");
        expect(backup.code === 0 ? "" : backup.output).toBe("");
        expect(backup.output).toMatch(
          /wrote taskd-\S+\.tar\.gz[\s\S]*proved taskd-[\s\S]*wrote taskchampion-\S+\.tar\.gz[\s\S]*proved taskchampion-/,
        );
        await Promise.all(["taskd", "taskchampion"].map((server) => loseVolume(api, "tasks", server)));
        const restored = await lab.lab("restore", "tasks");
        expect(restored.code === 0 ? "" : restored.output).toBe("");
        const after2 = await device2("after2", user("alice"));
        const after3 = await device3("after3", user("alice"));
        await eventually("taskd answers", 60, () => after2.sync().then(() => true));
        await eventually("TaskChampion answers", 60, async () => (await sync3(after3)).code === 0);
        expect([await after2.descriptions(), await after3.descriptions()]).toEqual(before);
      },
      5 * minutes,
    );

    it(
      "lets a new user in and takes a new alert receiver, and restarts no pod",
      async () => {
        const before = await look(lab);
        applyKinds(lab, "added");
        const report = await reviewedChange(lab);
        expect(verdict(report)).toBe("No data is lost, nothing is interrupted: 0 pods restart.");
        outputs = await lab.stackOutputs<StackOutputs>();
        const carol = await device3("carol3", user("carol"));
        // kubelet brings the changed files in its own time.
        await eventually("carol is let in", 150, async () => (await sync3(carol)).code === 0);
        const pods = ({ pods: all }: LabView) => all.map(({ uid, workload, restarts }) => `${workload} ${uid} ${restarts}`).sort();
        expect(pods(await look(lab))).toEqual(pods(before));
      },
      5 * minutes,
    );

    it(
      "refuses a removed user at once, renews certificates and tokens without a hand, and restarts what was said",
      async () => {
        const address = taskdAddress();
        const kept = { two: await device2("kept2", user("alice")), three: await device3("kept3", user("alice")) };
        const gone = { two: await device2("gone2", user("bob")), three: await device3("gone3", user("bob")) };
        await gone.two.sync();
        const before = await served(address);
        applyKinds(lab, "restarted", {
          // What is on node2 may stay there: volumes are bound to it.
          "node-taint": ({ machines }) => {
            machines[1].taints = ["dedicated=backup:PreferNoSchedule"];
          },
        });
        const report = await reviewedChange(lab);
        expect(report.machines).toEqual({ node1: "interrupts", node2: "interrupts" });
        outputs = await lab.stackOutputs<StackOutputs>();
        expect(await served(address)).not.toBe(before);
        expect(Object.keys(outputs.taskUsers ?? {}).sort()).toEqual(["Home/alice", "Home/carol"]);
        await expect(gone.two.sync()).rejects.toThrow();
        expect(await sync3(gone.three)).toMatchObject({ code: 2, output: expect.stringContaining("403") });
        await kept.two.sync();
        expect(await sync3(kept.three)).toMatchObject({ code: 0 });

        expect((await certificateOf("192.168.200.11:6443")).subjectaltname).toContain("DNS:lab.home.arpa");
        const fresh = new KubernetesApi(outputs.kubeconfig as string);
        const { spec } = await fresh.get<{ spec: { taints: unknown } }>("/api/v1/nodes/node2");
        expect(spec.taints).toEqual([{ key: "dedicated", value: "backup", effect: "PreferNoSchedule" }]);
        const flags = (await (await fetch(`${await lab.prometheus()}/api/v1/status/flags`)).json()) as { data: Record<string, string> };
        expect(flags.data["storage.tsdb.retention.time"]).toBe("30d");
      },
      10 * minutes,
    );

    it(
      "takes 10,000 tasks in a first sync",
      async () => {
        const restarts = async () => {
          const pod = await api.get<{ status: { containerStatuses: { restartCount: number }[] } }>("/api/v1/namespaces/tasks/pods/taskd-0");
          return pod.status.containerStatuses.map(({ restartCount }) => restartCount);
        };
        const before = await restarts();
        const [full, empty] = [await device2("full2", user("alice")), await device2("empty2", user("alice"))];
        const file = path.join(folder, "tasks.json");
        const tasks = Array.from({ length: 10_000 }, (_, i) => ({
          description: `item ${i} of a long list`,
          project: `p${i % 50}`,
          tags: ["bulk"],
        }));
        await fs.writeFile(file, JSON.stringify(tasks));
        await full.task("import", file);
        await full.sync(true);
        await empty.sync();
        expect(await empty.task("+bulk", "status:pending", "count")).toBe("10000\n");
        // A pod that needs more memory than its limit would have been killed.
        expect(await restarts()).toEqual(before);
      },
      5 * minutes,
    );
  });
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Images, imagesOf } from "../../../components/core/images";
import { uuidFrom } from "../../../components/taskserver/account-key";
import { TaskServers } from "../../../components/taskserver/task-servers";
import { allRegistered, type Registered, recordResources, settled } from "../../support/mocks";

const aliceKey = uuidFrom("password of tasks-key-Home/alice");

jest.setTimeout(60_000);

describe("TaskChampion's sync server", () => {
  let seen: Registered[];
  let servers: TaskServers;

  beforeAll(async () => {
    seen = recordResources((type) => (type === "command:local:Command" ? { stdout: "the list" } : {}));
    servers = new TaskServers("tasks", {
      provider: new kubernetes.Provider("cluster"),
      images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
      organisations: [{ name: "Home", users: [{ name: "alice" }, { name: "bob", state: "removed" }] }],
      taskchampion: { ingress: { hostname: "tasks.home.example", className: "traefik" } },
      reachableAt: { hosts: [{ name: "node1", address: "192.168.200.11" }] },
    });
    await allRegistered();
  });

  const inputs = (name: string) => seen.find((resource) => resource.name === name)?.inputs;

  test("gives each user an address, an id and a secret to encrypt with", async () => {
    const { value, secret } = await settled(servers.users);
    expect(secret).toBe(true);
    expect(value["Home/alice"].taskchampion).toEqual({
      url: "https://tasks.home.example",
      clientId: aliceKey,
      encryptionSecret: "password of tasks-encryption-Home/alice",
      ca: "certificate of tasks-pki-authority",
    });
  });

  test("lets in those who are active, and never everybody", () => {
    expect(inputs("tasks-taskchampion-clients").data).toEqual({ ids: `${aliceKey}\n` });
  });

  test("never sees what users encrypt with", () => {
    const objects = seen.filter(({ type }) => type.startsWith("kubernetes:"));
    expect(objects.filter((object) => JSON.stringify(object.inputs).includes("password of tasks-encryption"))).toEqual([]);
  });

  test("is reached over TLS with a certificate that has its name", () => {
    expect(inputs("tasks-pki-server-request").dnsNames).toContain("tasks.home.example");
    expect(inputs("tasks-taskchampion-ingress").spec.tls).toEqual([{ hosts: ["tasks.home.example"], secretName: "taskchampion-tls" }]);
    const services = seen.filter(({ type, name }) => type === "kubernetes:core/v1:Service" && name === "tasks-taskchampion");
    expect(services.map(({ inputs: { spec } }) => spec.type)).toEqual(["ClusterIP"]);
  });

  test("both servers are watched", async () => {
    const { value: groups } = await settled(pulumi.output(servers.watched.rules ?? []));
    const ready = groups.flatMap(({ rules }) => rules).filter((rule) => "record" in rule && rule.record.endsWith("server_ready:bool"));
    expect(ready.map(({ labels }) => labels?.server)).toEqual(["taskd", "taskchampion"]);
  });

  test("is backed up like taskd", () => {
    for (const server of ["taskd", "taskchampion"]) {
      const job = inputs(`tasks-${server}-backup-backup`).spec;
      expect(job.schedule).toBe("30 3 * * *");
      expect(job.jobTemplate.spec.template.spec.containers[0].command).toEqual([
        "/bin/sh",
        "/scripts/backup.sh",
        "/data",
        "/backups",
        server,
        "14",
      ]);
      expect(inputs(`tasks-${server}-backup-restore`).spec.suspend).toBe(true);
      const proof = inputs(`tasks-${server}-backup-verify`).spec;
      const pod = proof.jobTemplate.spec.template.spec;
      expect([proof.schedule, proof.suspend, pod.containers[0].command]).toEqual([
        "30 4 * * *",
        false,
        ["/bin/sh", "/scripts/verify.sh", "/scratch", "/backups", server],
      ]);
      // It can change no archive, and has nothing of the server's.
      expect(pod.containers[0].volumeMounts).toContainEqual({ name: "backups", mountPath: "/backups", readOnly: true });
      expect(pod.volumes.map(({ name }: { name: string }) => name)).toEqual(["scratch", "backups", "scripts"]);
    }
  });
});

test("archives are proven where the image has what a proof needs, and the settings do not say otherwise", async () => {
  const provenIn = async (images: Images, taskd: object | false, backup: object) => {
    const seen = recordResources();
    const { watched } = new TaskServers("proofs", {
      provider: new kubernetes.Provider("cluster"),
      images,
      taskd,
      taskchampion: {},
      backup,
      reachableAt: { hosts: [{ name: "node1", address: "192.168.200.11" }] },
    });
    await allRegistered();
    const { value: groups } = await settled(pulumi.output(watched.rules ?? []));
    const alerts = groups.flatMap(({ rules }) => rules).filter((rule) => "alert" in rule && rule.alert === "TaskBackupUnproven");
    return [
      seen.filter(({ name }) => name.endsWith("-verify")).map(({ name }) => name),
      alerts.map(({ expr }) => /~"(.*?)-verify/.exec(expr)?.[1]),
    ];
  };
  const own = imagesOf({ taskd: "homelab.internal/taskd:1" });
  expect(await provenIn(own, {}, {})).toEqual([
    ["proofs-taskd-backup-verify", "proofs-taskchampion-backup-verify"],
    ["(taskd|taskchampion)"],
  ]);
  expect(await provenIn(own, {}, { verify: false })).toEqual([[], []]);
  // nginx's image has no sqlite3.
  expect(await provenIn(imagesOf({}), false, {})).toEqual([[], []]);
});

test("with nobody in the settings nobody is let in", async () => {
  const seen = recordResources();
  new TaskServers("none", {
    provider: new kubernetes.Provider("cluster"),
    images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
    taskchampion: {},
    reachableAt: { hosts: [{ name: "node1", address: "192.168.200.11" }] },
  });
  await allRegistered();
  expect(seen.find(({ name }) => name === "none-taskchampion-clients")?.inputs.data.ids).toMatch(/^00000000-/);
});

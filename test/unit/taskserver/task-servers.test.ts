import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { imagesOf } from "../../../components/core/images";
import { uuidFrom } from "../../../components/taskserver/account-key";
import type { OrganisationArgs, TaskServersArgs } from "../../../components/taskserver/args";
import { TaskServers } from "../../../components/taskserver/task-servers";
import { allRegistered, type Registered, recordResources, settled } from "../../support/mocks";

const aliceKey = uuidFrom("password of tasks-key-Home/alice");

const organisations: OrganisationArgs[] = [
  {
    name: "Home",
    users: [
      { name: "alice" },
      { name: "bob", state: "suspended" },
      { name: "carol", state: "removed" },
      { name: "dora", formerly: "dorothy" },
    ],
  },
  { name: "Closed", state: "suspended", users: [{ name: "alice" }] },
];

jest.setTimeout(60_000);

describe("a load balancer", () => {
  const servers = (args: Partial<TaskServersArgs>, status?: object) => {
    const seen = recordResources((type, name) =>
      type === "kubernetes:core/v1:Service" && !name.endsWith("-metrics") && status ? { status } : {},
    );
    const made = new TaskServers("tasks", {
      provider: new kubernetes.Provider("cluster"),
      images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
      organisations: [],
      reachableAt: { hosts: [{ name: "node1", address: "192.168.200.11" }] },
      ...args,
    });
    const inputs = (name: string) => seen.filter((resource) => resource.name === name && !resource.type.startsWith("homelab:"))[0]?.inputs;
    return { made, inputs };
  };
  const hosts = [{ name: "node1", address: "192.168.200.11" }];
  const pool = { hosts, ownAddresses: ["192.168.200.240", "192.168.200.241"] };
  const given = { loadBalancer: { ingress: [{ ip: "192.168.200.241" }] } };

  test("with addresses of its own is where clients find the servers, and their certificate has them", async () => {
    const { made, inputs } = servers({ reachableAt: pool, taskchampion: {} }, given);
    expect((await settled(made.taskd as pulumi.Output<string>)).value).toBe("192.168.200.241:53589");
    expect((await settled(made.champion?.url as pulumi.Output<string>)).value).toBe("https://192.168.200.241:8443");
    await allRegistered();
    expect(inputs("tasks-pki-server-request").ipAddresses).toEqual(["192.168.200.240", "192.168.200.241", "192.168.200.11"]);
  });

  test("is asked for the address that the settings give", async () => {
    const { made, inputs } = servers(
      { reachableAt: pool, taskd: { address: "192.168.200.240" }, taskchampion: { address: "192.168.200.241" } },
      given,
    );
    expect((await settled(made.taskd as pulumi.Output<string>)).value).toBe("192.168.200.240:53589");
    await allRegistered();
    expect(inputs("tasks-taskd").spec.loadBalancerIP).toBe("192.168.200.240");
    expect(inputs("tasks-taskchampion").spec.loadBalancerIP).toBe("192.168.200.241");
  });

  test("of k3s answers on the machines, whatever address a service has", async () => {
    const { made } = servers({}, { loadBalancer: { ingress: [{ ip: "192.168.200.12" }] } });
    expect((await settled(made.taskd as pulumi.Output<string>)).value).toBe("192.168.200.11:53589");
    await allRegistered();
  });

  test("keeps other networks out where it still sees clients' addresses", async () => {
    const taskd = { allowedNetworks: ["192.168.200.0/24"] };
    const ofK3s = servers({ taskd });
    await allRegistered();
    // klipper-lb hides them from the pod, so a policy would lock everybody out; it filters itself, and no node port leads around it.
    const open = { ports: [{ protocol: "TCP", port: 53589 }] };
    expect(ofK3s.inputs("tasks-taskd-policy").spec.ingress[0]).toEqual(open);
    expect(ofK3s.inputs("tasks-taskd").spec).toMatchObject({
      loadBalancerSourceRanges: ["192.168.200.0/24"],
      allocateLoadBalancerNodePorts: false,
    });
    const ofMetalLB = servers({ taskd, reachableAt: pool });
    await allRegistered();
    expect(ofMetalLB.inputs("tasks-taskd-policy").spec.ingress[0]).toEqual({ ...open, from: [{ ipBlock: { cidr: "192.168.200.0/24" } }] });
    expect(ofMetalLB.inputs("tasks-taskd").spec).toMatchObject({
      loadBalancerSourceRanges: ["192.168.200.0/24"],
      externalTrafficPolicy: "Local",
    });
  });
});

describe("TaskServers", () => {
  let seen: Registered[];
  let servers: TaskServers;

  beforeAll(async () => {
    seen = recordResources((type) => (type === "command:local:Command" ? { stdout: "the list" } : {}));
    servers = new TaskServers("tasks", {
      provider: new kubernetes.Provider("cluster"),
      images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
      organisations,
      reachableAt: {
        hostname: pulumi.output("tasks.home.example"),
        hosts: [
          { name: "node1", address: "192.168.200.11" },
          { name: "node2", address: pulumi.output("192.168.200.12") },
        ],
      },
    });
    await allRegistered();
  });

  const one = (type: string, name: string) => {
    const found = seen.filter((resource) => resource.type === type && resource.name === name);
    expect(found).toHaveLength(1);
    return found[0].inputs;
  };

  test("gives active users all they need, as a secret, and nobody else anything", async () => {
    const { value, secret } = await settled(servers.users);
    expect(secret).toBe(true);
    expect(Object.keys(value).sort()).toEqual(["Home/alice", "Home/dora"]);
    expect(value["Home/alice"]).toEqual({
      user: "alice",
      organisation: "Home",
      taskd: {
        server: "tasks.home.example:53589",
        credentials: `Home/alice/${aliceKey}`,
        ca: "certificate of tasks-pki-authority",
        certificate: "certificate of tasks-pki-client-Home/alice",
        key: "private key of tasks-pki-client-Home/alice-key",
      },
    });
  });

  test("the server's certificate has every name and address that clients use", () => {
    expect(one("tls:index/certRequest:CertRequest", "tasks-pki-server-request")).toMatchObject({
      subject: { commonName: "tasks.home.example" },
      dnsNames: expect.arrayContaining(["tasks.home.example", "taskd.tasks.svc.cluster.local", "node1"]),
      ipAddresses: ["192.168.200.11", "192.168.200.12"],
    });
  });

  test("certificates last a year and are renewed two months early, the authority ten years", () => {
    const leaf = { validityPeriodHours: 365 * 24, earlyRenewalHours: 60 * 24 };
    expect(one("tls:index/locallySignedCert:LocallySignedCert", "tasks-pki-server")).toMatchObject(leaf);
    expect(one("tls:index/locallySignedCert:LocallySignedCert", "tasks-pki-client-Home/alice")).toMatchObject(leaf);
    expect(one("tls:index/selfSignedCert:SelfSignedCert", "tasks-pki-authority").validityPeriodHours).toBe(3650 * 24);
  });

  test("no pod sees the authority's key, and no key is outside a Secret", () => {
    const kubernetesObjects = seen.filter(({ type }) => type.startsWith("kubernetes:"));
    const texts = kubernetesObjects.map((object) => ({ type: object.type, text: JSON.stringify(object.inputs) }));
    expect(texts.filter(({ text }) => text.includes("private key of tasks-pki-authority"))).toEqual([]);
    expect(texts.filter(({ text }) => text.includes("private key of") || text.includes(aliceKey)).map(({ type }) => type)).toEqual([
      "kubernetes:core/v1:Secret",
      "kubernetes:core/v1:Secret",
      "kubernetes:core/v1:Secret",
    ]);
  });

  test("accounts tell taskd who is suspended and who is removed", () => {
    const accounts = one("kubernetes:core/v1:Secret", "tasks-taskd-accounts").data.accounts;
    expect(accounts.split("\n").map((line: string) => line.split("\t").slice(0, 4).join(" "))).toEqual([
      "org active Home",
      "org suspended Closed",
      "user active Home alice",
      "user suspended Home bob",
      "user removed Home carol",
      "user active Home dora",
      "user active Closed alice",
      "",
    ]);
  });

  test("whoever is removed is on the revocation list, signed with a key that comes by standard input", () => {
    const { stdin, create, environment } = one("command:local:Command", "tasks-pki-revocations");
    expect(JSON.parse(stdin)).toEqual({
      authority: "certificate of tasks-pki-authority",
      authorityKey: "private key of tasks-pki-authority-key",
      revoked: ["certificate of tasks-pki-client-Home/carol"],
    });
    expect(`${create} ${JSON.stringify(environment)}`).not.toContain("private key");
    expect(one("kubernetes:core/v1:Secret", "tasks-taskd-tls").data["crl.pem"]).toBe("the list");
    expect(one("kubernetes:core/v1:ConfigMap", "tasks-taskd-config").data.config).toContain("server.crl=/etc/taskd-tls/crl.pem\n");
  });

  test("from the second generation on, users get certificates of the newer authority and the servers keep the older one's", async () => {
    const made = async (generation: number) => {
      const resources = recordResources((type) => (type === "command:local:Command" ? { stdout: "a list" } : {}));
      new TaskServers("tasks", {
        provider: new kubernetes.Provider("cluster"),
        images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
        organisations,
        certificates: { generation },
        reachableAt: { hosts: [{ name: "node1", address: "192.168.200.11" }] },
      });
      await allRegistered();
      return new Map(resources.filter(({ type }) => !type.startsWith("homelab:")).map(({ name, inputs }) => [name, inputs]));
    };
    const [first, second, third] = [await made(1), await made(2), await made(3)];
    // What was there stays, under its name.
    const pki = (resources: Map<string, unknown>) => [...resources.keys()].filter((name) => name.startsWith("tasks-pki"));
    expect(pki(first).filter((name) => !pki(second).includes(name))).toEqual([
      "tasks-pki-server-key",
      "tasks-pki-server-request",
      "tasks-pki-server",
    ]);
    expect(second.get("tasks-pki-g2-server")?.caCertPem).toBe("certificate of tasks-pki-authority");
    expect(second.get("tasks-pki-g2-client-Home/alice")?.caCertPem).toBe("certificate of tasks-pki-g2-authority");
    expect(second.get("tasks-pki-g2-authority")?.subject.commonName).toBe("Home Lab task server authority 2");
    const { data } = second.get("tasks-taskd-tls") as { data: Record<string, string> };
    expect(data["ca.pem"]).toBe("certificate of tasks-pki-g2-authority\ncertificate of tasks-pki-authority\n");
    expect(data["crl.pem"]).toBe("a list\na list\n");
    for (const [list, client] of [
      ["tasks-pki-revocations", "tasks-pki-client-Home/carol"],
      ["tasks-pki-g2-revocations", "tasks-pki-g2-client-Home/carol"],
    ]) {
      expect(JSON.parse(second.get(list)?.stdin).revoked).toEqual([`certificate of ${client}`]);
    }
    // The next one ends the first.
    expect(pki(third).filter((name) => !/^tasks-pki-g[23]-/.test(name))).toEqual([]);
    expect(third.get("tasks-pki-g3-server")?.caCertPem).toBe("certificate of tasks-pki-g2-authority");
  });

  test("a revoked certificate is not renewed", () => {
    const revoked = one("tls:index/locallySignedCert:LocallySignedCert", "tasks-pki-client-Home/carol");
    expect(revoked.earlyRenewalHours).toBe(0);
  });

  test("the pod is one, not root, and restarts when its certificates change", () => {
    const { spec } = one("kubernetes:apps/v1:StatefulSet", "tasks-taskd");
    expect(spec.replicas).toBe(1);
    expect(spec.template.metadata.annotations["homelab/checksum"]).toMatch(/^[0-9a-f]{64}$/);
    expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    for (const container of [...spec.template.spec.initContainers, ...spec.template.spec.containers]) {
      expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
      expect(container.resources.limits.memory).toBeDefined();
    }
  });
});

describe("a change of the settings", () => {
  const hosts = [{ name: "node1", address: "192.168.200.11" }];

  async function pods(args: Partial<TaskServersArgs>) {
    // As the tls provider does: a certificate is another one when what it is asked for is.
    const seen = recordResources((type, _, inputs) =>
      type === "tls:index/certRequest:CertRequest"
        ? { certRequestPem: JSON.stringify(inputs) }
        : type === "tls:index/locallySignedCert:LocallySignedCert"
          ? { certPem: `certificate for ${inputs.certRequestPem}` }
          : type === "command:local:Command"
            ? { stdout: "the list" }
            : {},
    );
    new TaskServers("tasks", {
      provider: new kubernetes.Provider("cluster"),
      images: imagesOf({ taskd: "homelab.internal/taskd:1" }),
      organisations: [{ name: "Home", users: [{ name: "alice" }, { name: "bob" }] }],
      taskchampion: {},
      reachableAt: { hosts },
      ...args,
    });
    await allRegistered();
    const sets = seen.filter(({ type }) => type === "kubernetes:apps/v1:StatefulSet");
    return Object.fromEntries(sets.map(({ name, inputs }) => [name, JSON.stringify(inputs.spec.template)]));
  }

  test.each<[string, Partial<TaskServersArgs>]>([
    ["a user more", { organisations: [{ name: "Home", users: [{ name: "alice" }, { name: "bob" }, { name: "carol" }] }] }],
    ["an organisation more", { organisations: [{ name: "Home", users: [{ name: "alice" }, { name: "bob" }] }, { name: "Work" }] }],
    ["a machine more", { reachableAt: { hosts: [...hosts, { name: "node2", address: "192.168.200.12" }] } }],
    ["another name", { reachableAt: { hosts, hostname: "tasks.home.example" } }],
  ])("restarts nothing: %s", async (_, args) => {
    const before = await pods({});
    expect(Object.keys(before).sort()).toEqual(["tasks-taskchampion", "tasks-taskd"]);
    expect(await pods(args)).toEqual(before);
  });

  test.each(["suspended", "removed"] as const)("restarts both servers, so that a user who is %s is refused at once", async (state) => {
    const [before, after] = [
      await pods({}),
      await pods({ organisations: [{ name: "Home", users: [{ name: "alice" }, { name: "bob", state }] }] }),
    ];
    for (const name of ["tasks-taskd", "tasks-taskchampion"]) {
      expect(after[name]).not.toBe(before[name]);
    }
  });
});

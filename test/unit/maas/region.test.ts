import { revealed } from "../../../components/core/secret";
import { MaasClient } from "../../../components/maas/api/client";
import { StepError } from "../../../components/maas/api/step-error";
import { installCommand, secretsOnStdin } from "../../../components/maas/region-install";
import { dhcpStep } from "../../../components/maas/steps/dhcp";
import { imagesStep } from "../../../components/maas/steps/images";
import { regionStep } from "../../../components/maas/steps/region";
import { type VmHostDesired, vmHostStep } from "../../../components/maas/steps/vm-host";
import { maasInstall } from "../../../settings/maas-install";
import versions from "../../../versions.json";
import { FakeClock, fakeFetch, type Reply, type Seen } from "./support";

function contextFor(answer: (seen: Seen) => Reply) {
  const { fetch, seen } = fakeFetch(answer);
  const clock = new FakeClock();
  const client = new MaasClient({ url: "http://maas.test/MAAS", apiKey: "a:b:c", fetch, clock });
  return { context: { client, clock, log: () => undefined }, seen, clock };
}

test("a second DHCP server on the wire is found and named, and nothing is switched on", async () => {
  const vlan = { id: 7, vid: 0, fabric: "home", dhcp_on: false, external_dhcp: "192.168.200.254", primary_rack: null };
  const { context, seen } = contextFor(({ path }) => ({ json: path === "subnets/" ? [{ id: 1, cidr: "192.168.200.0/24", vlan }] : vlan }));
  await expect(dhcpStep.run(context, { subnet: "192.168.200.0/24", on: true })).rejects.toMatchObject({
    message: expect.stringContaining("192.168.200.254"),
    fix: expect.stringContaining("homelab:network.dhcp"),
  });
  expect(seen.every((each) => each.method === "GET")).toBe(true);
});

test("which of several rack controllers serves DHCP must be said", async () => {
  const vlan = { id: 7, vid: 0, fabric: "home", dhcp_on: false, external_dhcp: null, primary_rack: null };
  const racks = [
    { system_id: "a", hostname: "rack-1" },
    { system_id: "b", hostname: "rack-2" },
  ];
  const { context, seen } = contextFor(({ path }) => ({
    json: path === "subnets/" ? [{ id: 1, cidr: "192.168.200.0/24", vlan }] : path === "rackcontrollers/" ? racks : vlan,
  }));
  await expect(dhcpStep.run(context, { subnet: "192.168.200.0/24", on: true })).rejects.toThrow(/rack-1, rack-2/);
  await dhcpStep.run(context, { subnet: "192.168.200.0/24", on: true, primaryRack: "rack-2" });
  expect(Object.fromEntries(seen.find((each) => each.method === "PUT")?.form ?? [])).toEqual({ dhcp_on: "true", primary_rack: "b" });
});

describe("images", () => {
  const desired = { releases: [{ os: "ubuntu", release: "noble", architectures: ["amd64"] }], limit: 3600 };
  const noble = [{ id: 4, name: "ubuntu/noble", architecture: "amd64/ga-24.04" }];

  test("are imported and waited for", async () => {
    let imported = 0;
    const { context, clock } = contextFor(({ path }) => {
      if (path.includes("op=import")) {
        imported = clock.now();
        return { text: "Import of boot resources started" };
      }
      const waited = imported > 0 ? clock.now() - imported : 0;
      if (path.includes("is_importing")) {
        return { json: waited <= 300_000 };
      }
      // MAAS lists an image, then downloads it.
      if (path === "boot-resources/4/") {
        return { json: { sets: { "20240101": { complete: waited > 240_000 } } } };
      }
      return { json: path === "boot-resources/" && waited > 120_000 ? noble : [] };
    });
    expect(await imagesStep.run(context, desired)).toEqual({ images: ["ubuntu/noble/amd64"], made: [] });
    expect(clock.now() - imported).toBeGreaterThan(300_000);
  });

  describe("of a new source", () => {
    const refusal = { status: 400, json: { os: ["OS ubuntu with release noble has no available images for download"] } };
    const withSource = (age: number, listedAfter: number) => {
      const made = contextFor(({ path, method }) => {
        if (path === "boot-sources/") {
          return { json: [{ id: 2, url: "http://images.test/", keyring_filename: "k", created: new Date(start - age).toISOString() }] };
        }
        if (path === "boot-sources/2/selections/") {
          return method === "GET" ? { json: [] } : made.clock.now() - start < listedAfter ? refusal : { json: { id: 9 } };
        }
        return { json: path === "boot-resources/" ? noble : path === "boot-resources/4/" ? { sets: { a: { complete: true } } } : false };
      });
      const start = made.clock.now();
      return made;
    };

    test("are selected as soon as MAAS has read it", async () => {
      const { context, clock } = withSource(10_000, 60_000);
      expect(await imagesStep.run(context, desired)).toMatchObject({ made: ["boot-sources/2/selections/9/"] });
      expect(clock.sleeps.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(60_000);
    });

    test("are given up at the limit, and at once where the source is not new", async () => {
      const late = withSource(10_000, Number.POSITIVE_INFINITY);
      await expect(imagesStep.run(late.context, { ...desired, limit: 60 })).rejects.toThrow(/no available images for download, after/);
      const old = withSource(3_600_000, Number.POSITIVE_INFINITY);
      await expect(imagesStep.run(old.context, desired)).rejects.toThrow(StepError);
      expect(old.clock.sleeps).toEqual([]);
    });
  });

  test("that never come are named", async () => {
    const { context } = contextFor(({ path }) => ({
      json: path.includes("is_importing") ? false : path.includes("op=import") ? "started" : [],
    }));
    const error = (await imagesStep.run(context, desired).catch((each: unknown) => each)) as StepError;
    expect(error).toBeInstanceOf(StepError);
    expect(error.message).toMatch(/ubuntu\/noble\/amd64 was not imported: MAAS has stopped importing/);
  });
});

test("a rack controller without a card on the VLAN is told of, with the ways out", async () => {
  const vlan = { id: 7, vid: 30, fabric: "home", dhcp_on: false, external_dhcp: null, primary_rack: null };
  const { context } = contextFor(({ path, method }) =>
    method === "PUT"
      ? { status: 400, json: { primary_rack: ["Select a valid choice. a is not one of the available choices."] } }
      : {
          json:
            path === "subnets/"
              ? [{ id: 1, cidr: "10.30.0.0/24", vlan }]
              : path === "rackcontrollers/"
                ? [{ system_id: "a", hostname: "r" }]
                : vlan,
        },
  );
  await expect(dhcpStep.run(context, { subnet: "10.30.0.0/24", on: true })).rejects.toMatchObject({
    message: expect.stringMatching(/no network card on VLAN 30 of home/),
    fix: expect.stringMatching(/homelab:network.primaryRack.*homelab:network.dhcpRelay/),
  });
});

describe("a VM host that does not answer", () => {
  const desired: VmHostDesired = { name: "attic", type: "lxd", address: "https://10.10.10.1:8443", tags: [] };

  test("is taken out of MAAS again, so that the next run asks it anew", async () => {
    let hosts: object[] = [];
    const { context, seen } = contextFor(({ path, method }) => {
      if (path.includes("op=refresh")) {
        return { status: 503, text: "timed out" };
      }
      const host = { id: 3, name: "attic", type: "lxd", total: { cores: 0 } };
      hosts = method === "POST" ? [host] : method === "DELETE" ? [] : hosts;
      return method === "DELETE" ? { status: 204 } : { json: method === "POST" ? host : hosts };
    });
    await expect(vmHostStep.run(context, desired)).rejects.toThrow("503");
    expect(seen.at(-1)).toMatchObject({ method: "DELETE", path: "vm-hosts/3/" });
    expect(hosts).toEqual([]);
  });

  test("because its first run was killed is asked by the next one, and is this stack's", async () => {
    const { context, seen } = contextFor(() => ({ json: [{ id: 3, name: "attic", type: "lxd", total: { cores: 0 } }] }));
    expect(await vmHostStep.run(context, desired)).toEqual({ id: 3, type: "lxd", created: true });
    expect(seen.filter((each) => each.path.includes("op=refresh"))).toHaveLength(1);
  });
});

describe("the health of an installed MAAS", () => {
  const running = [
    { name: "rackd", status: "running", status_info: "" },
    { name: "dhcpd", status: "off", status_info: "" },
  ];
  const region = { version: "3.7.3", racks: [{ hostname: "maas", service_set: running }] as unknown[] };
  const answers =
    (now: () => typeof region) =>
    ({ path }: Seen): Reply => ({
      json:
        path === "version/"
          ? { version: now().version }
          : path === "rackcontrollers/"
            ? now().racks
            : path.includes("is_importing")
              ? true
              : [],
    });

  test("is not taken for one without racks where the key is no administrator's", async () => {
    const { context } = contextFor((seen) =>
      seen.path.includes("whoami") ? { json: { username: "plain", is_superuser: false } } : answers(() => ({ ...region, racks: [] }))(seen),
    );
    await expect(regionStep.run(context, { version: "3.7", limit: 600 })).rejects.toMatchObject({
      message: expect.stringMatching(/belongs to plain, who is no administrator/),
      fix: expect.stringContaining("homelab:maasApiKey"),
    });
  });

  test("includes an image to commission with, where nothing else waits for one", async () => {
    let looks = 0;
    const { context, clock } = contextFor((seen) => {
      if (seen.path.includes("get_config")) {
        return { json: seen.path.includes("osystem") ? "ubuntu" : "noble" };
      }
      if (seen.path === "boot-resources/") {
        return { json: [{ id: 4, name: "ubuntu/noble", architecture: "amd64/ga-24.04" }] };
      }
      return seen.path === "boot-resources/4/" ? { json: { sets: { a: { complete: ++looks > 3 } } } } : answers(() => region)(seen);
    });
    expect(await regionStep.run(context, { version: "3.7", limit: 600, image: true })).toEqual({ version: "3.7.3" });
    expect(clock.sleeps).toHaveLength(3);
  });

  test("is waited for: the API, the channel's version, a rack, its services", async () => {
    const ill = [{ name: "rackd", status: "dead", status_info: "exited" }];
    const states: (typeof region | undefined)[] = [
      undefined,
      { ...region, version: "3.6.2" },
      { ...region, racks: [] },
      { ...region, racks: [{ hostname: "maas", service_set: ill }] },
      region,
    ];
    let turn = 0;
    const { context, clock } = contextFor((seen) => {
      const state = states[Math.min(turn, states.length - 1)];
      return state ? answers(() => state)(seen) : { status: 502, text: "Bad Gateway" };
    });
    const log: string[] = [];
    clock.sleep = async (milliseconds) => {
      clock.sleeps.push(milliseconds);
      turn++;
    };
    expect(await regionStep.run({ ...context, log: (line) => log.push(line) }, { version: "3.7", limit: 600 })).toEqual({
      version: "3.7.3",
    });
    expect(log.join("\n")).toMatch(
      /it is 3\.6\.2, and 3\.7 is wanted[\s\S]*no rack controller[\s\S]*rackd dead exited on maas[\s\S]*MAAS 3\.7\.3 is up; 0 images, importing more/,
    );
  });

  test("is given up at the limit with what is missing, and 3.70 is not 3.7", async () => {
    const { context } = contextFor(answers(() => ({ ...region, version: "3.70.1" })));
    await expect(regionStep.run(context, { version: "3.7", limit: 60 })).rejects.toMatchObject({
      message: expect.stringContaining("it is 3.70.1, and 3.7 is wanted"),
      fix: expect.stringContaining("maas status"),
    });
  });
});

test("the installation's command has no secret in it, and its stdin has all", () => {
  const install = maasInstall.parse({ database: "postgres://maas:hush@db/maas", admin: { username: "root", email: "root@example.org" } });
  expect(installCommand("http://10.0.0.2:5240/MAAS", install)).toBe(
    `sudo -n sh /usr/local/lib/homelab/maas-region.sh install channel=${versions.maas.channel} url=http://10.0.0.2:5240/MAAS username=root email=root@example.org tls_port=5443`,
  );
  expect(installCommand("https://maas.test:8443/MAAS", install)).toMatch(/url=http:\/\/maas\.test:5240\/MAAS .* tls_port=8443$/);
  const decoded = secretsOnStdin(revealed(install), "pass word")
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  expect(decoded.map(([name, value = ""]) => [name, Buffer.from(value, "base64").toString()])).toEqual([
    ["password", "pass word"],
    ["database", "postgres://maas:hush@db/maas"],
  ]);
});

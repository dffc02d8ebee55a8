import { load } from "js-yaml";
import { networkConfig, seedFiles } from "../../../rig/machines/seed";

const installation = {
  hostname: "node-a",
  machineId: "0123456789abcdef0123456789abcdef",
  interfaces: [
    {
      name: "enp1s0",
      macAddress: "52:54:00:c8:00:01",
      address: "192.168.200.11/24",
      gateway: "192.168.200.1",
      nameServers: ["192.168.200.1"],
    },
    { name: "enp2s0", macAddress: "52:54:00:c8:00:02" },
  ],
  metadata: {
    metadataUrl: "http://192.168.200.1:5240/MAAS/metadata/",
    statusUrl: "http://192.168.200.1:5240/MAAS/metadata/status/abc123",
    consumerKey: "consumer",
    tokenKey: "token",
    tokenSecret: "secret",
  },
};

function content(path: string): string {
  const file = seedFiles(installation).find((candidate) => candidate.path === path);
  if (!file || !("content" in file)) {
    throw new Error(`no file ${path}`);
  }
  return file.content;
}

describe("the files of a fresh disk", () => {
  test("name the MAAS data source and nothing else, on one line for ds-identify", () => {
    const text = content("etc/cloud/cloud.cfg.d/90_dpkg_local_cloud_config.cfg");
    expect(text.split("\n")).toContain("datasource_list: [MAAS]");
    expect(load(text)).toMatchObject({
      datasource: {
        MAAS: {
          metadata_url: installation.metadata.metadataUrl,
          consumer_key: "consumer",
          token_key: "token",
          token_secret: "secret",
        },
      },
      reporting: { maas: { type: "webhook", endpoint: installation.metadata.statusUrl, token_key: "token" } },
      ssh_pwauth: false,
    });
  });

  test("that hold credentials are for root only", () => {
    for (const file of seedFiles(installation)) {
      if ("content" in file && file.content.includes("secret")) {
        expect(file.mode).toBe(0o600);
      }
    }
  });

  test("give the machine an identity of its own, so that its first boot enables nothing", () => {
    expect(content("etc/machine-id")).toBe("0123456789abcdef0123456789abcdef\n");
    expect(content("etc/hostname")).toBe("node-a\n");
  });

  test("name each name server once", () => {
    expect(content("etc/resolv.conf")).toBe("nameserver 192.168.200.1\n");
  });
});

describe("the network configuration", () => {
  test("has MAAS's address and gateway on the configured card", () => {
    expect(networkConfig(installation.interfaces)).toMatchObject({
      version: 2,
      ethernets: {
        enp1s0: {
          addresses: ["192.168.200.11/24"],
          routes: [{ to: "default", via: "192.168.200.1" }],
          nameservers: { addresses: ["192.168.200.1"] },
        },
      },
    });
  });

  test("does not make the boot wait for a card without an address", () => {
    expect(networkConfig(installation.interfaces)).toMatchObject({ ethernets: { enp2s0: { dhcp4: false, optional: true } } });
  });
});

test("a machine gets its packages by MAAS's proxy, where there is one", () => {
  const written = (packageProxy?: string) => seedFiles({ ...installation, packageProxy }).filter(({ path }) => path.startsWith("etc/apt/"));
  expect(written()).toEqual([]);
  expect(written("http://192.168.200.1:8000")).toEqual([
    { path: "etc/apt/apt.conf.d/90curtin-aptproxy", mode: 0o644, content: 'Acquire::http::Proxy "http://192.168.200.1:8000";\n' },
  ]);
});

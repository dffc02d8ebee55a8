import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { rehearsalOf } from "../../../cli/rehearsal/settings";
import { Secret } from "../../../components/core/secret";
import { withInventory } from "../../../settings/inventory";
import { parseSettings } from "../../../settings/validate";

const checkout = path.resolve(__dirname, "../../..");

function configOf(stack: string): Record<string, any> {
  return (yaml.load(fs.readFileSync(path.join(checkout, `Pulumi.${stack}.yaml`), "utf8")) as { config: Record<string, any> }).config;
}

/** As the program reads them in the rehearsal. */
function parsed(config: Record<string, unknown>) {
  const short = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^homelab:/, ""), value]));
  const { raw, origins } = withInventory({ maasApiKey: Secret.sealed(), ...short }, checkout);
  return parseSettings(raw, origins);
}

describe("a stack's settings for the embedded lab", () => {
  it.each(["lab", "vm"])("are valid for %s as committed, with its names, roles and addresses", (stack) => {
    const given = configOf(stack);
    const { config, leftOut } = rehearsalOf(given);
    const settings = parsed(config);
    expect(settings.machines.map(({ name, role, address }) => ({ name, role, address }))).toEqual(
      given["homelab:machines"].map(({ name, role, address }: Record<string, string>) => ({ name, role, address })),
    );
    expect(settings.environment).toBe("sim");
    expect(leftOut).toEqual([]);
  });

  it("keep MAC addresses, and switch the machines by the embedded lab", () => {
    const { config, machines, subnet } = rehearsalOf(configOf("lab"));
    expect(subnet).toBe("192.168.200.0/24");
    expect(machines).toEqual([
      { name: "node1", macAddresses: ["54:b2:03:00:00:01"] },
      { name: "node2", macAddresses: ["54:b2:03:00:00:02"] },
    ]);
    expect(parsed(config).machines.map(({ power }) => power.type)).toEqual(["virsh", "virsh"]);
  });

  it("give composed machines a VM host, also where MAAS is said to know it", () => {
    const { config, machines } = rehearsalOf(configOf("vm"));
    expect(machines).toEqual([]);
    expect(parsed(config).maas.vmHosts.map(({ name, type, address }) => ({ name, type, address }))).toEqual([
      { name: "spare", type: "virsh", address: "qemu+ssh://lab@10.10.10.1/system" },
    ]);
    const own = configOf("vm");
    own["homelab:maas"].vmHosts = [{ name: "spare", type: "lxd", address: "https://10.10.10.1:8443", password: { secure: "v1:abc" } }];
    expect(JSON.stringify(rehearsalOf(own).config)).not.toContain("v1:abc");
    expect(parsed(rehearsalOf(own).config).maas.vmHosts).toHaveLength(1);
    // A machine that is deployed as a VM host is one.
    const nested = configOf("lab");
    nested["homelab:machines"][0].vmHost = "virsh";
    nested["homelab:machines"].push({ name: "guest", compose: { host: "node1" } });
    expect(parsed(rehearsalOf(nested).config).maas.vmHosts).toEqual([]);
  });

  it("hold no secret of the stack, and say what the embedded lab cannot do", () => {
    const given = configOf("lab");
    given["homelab:maasApiKey"] = { secure: "v1:key" };
    given["homelab:machines"][0].power.parameters.power_pass = { secure: "v1:bmc" };
    given["homelab:machines"][1].release = "noble";
    given["homelab:machines"][1].commissioning = { parameters: { look: { token: { secure: "v1:token" } } } };
    given["homelab:maas"].images = { selections: [{ release: "noble" }] };
    given["homelab:cluster"].version = "v1.20.0+k3s1";
    given["homelab:cluster"].addressPool = { addresses: ["192.168.200.50-192.168.200.60"] };
    given["homelab:cluster"].backups = {
      folder: "/mnt/nas",
      s3: { endpoint: "https://s3.example", bucket: "b", accessKey: { secure: "v1:s3" } },
    };
    given["homelab:images"] = { grafana: "registry.example/grafana:1" };
    const { config, leftOut } = rehearsalOf(given);
    expect(JSON.stringify(config)).not.toMatch(/v1:/);
    expect(leftOut.sort()).toEqual([
      "homelab:cluster.addressPool",
      "homelab:cluster.backups.folder",
      "homelab:cluster.backups.s3",
      "homelab:cluster.version",
      "homelab:maas.images",
      "node2.release",
      "the stack's file.homelab:images",
    ]);
    expect(parsed(config).machines[1].commissioning.parameters.look).toBeDefined();
  });

  it("are refused where the embedded lab's computer takes a machine's address, or cannot have the network", () => {
    const given = configOf("lab");
    given["homelab:machines"][0].address = "192.168.200.1";
    expect(() => rehearsalOf(given)).toThrow(/node1 has the network's first address/);
    given["homelab:network"].subnet = "192.168.200.0/30";
    expect(() => rehearsalOf(given)).toThrow(/homelab:network.subnet/);
  });
});

import type { Machine } from "../../../components/maas/api/types";
import type { Context } from "../../../components/maas/api/wait";
import { bringToReady, type CommissionDesired } from "../../../components/maas/steps/commission";
import { connect, type InterfaceDesired } from "../../../components/maas/steps/interfaces";
import { type CustomLayout, layOut } from "../../../components/maas/steps/storage";
import { Lab } from "./lab";

/** What is set while a machine is Ready: disks and interfaces. */
const identity = { name: "node1", macAddresses: ["52:54:00:c8:00:01", "52:54:00:c8:01:01"] };
const commissioning: CommissionDesired = {
  ...identity,
  commissioningScripts: [],
  testingScripts: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
  repair: { failedCommissioning: "recommission", broken: "refuse", rescue: "refuse" },
  limit: 30,
};

let lab: Lab;
let context: Context;
let machine: Machine;
beforeEach(async () => {
  lab = await Lab.start();
  context = lab.context();
  const form = { hostname: "node1", architecture: "amd64", mac_addresses: identity.macAddresses, power_type: "manual", commission: false };
  machine = await bringToReady(context, await context.client.post<Machine>("machines/", undefined, form), commissioning);
});
afterEach(() => lab.close());

const look = () => context.client.get<any>(`machines/${machine.system_id}/`);

const list = (what: string) => context.client.get<any[]>(`nodes/${machine.system_id}/${what}/`);

const custom: CustomLayout = {
  layout: "custom",
  bootDisk: "nvme0n1",
  disks: [
    {
      name: "nvme0n1",
      partitions: [
        { name: "efi", size: 512 * 2 ** 20, format: "fat32", mount: "/boot/efi" },
        { name: "root", size: 100 * 2 ** 30, format: "ext4", mount: "/" },
        { name: "data", size: 200 * 2 ** 30 },
      ],
    },
    { name: "sda", partitions: [{ name: "data", size: 200 * 2 ** 30 }] },
  ],
  raids: [{ name: "md0", level: 1, members: ["nvme0n1/data", "sda/data"] }],
  volumeGroups: [{ name: "vg0", members: ["md0"], volumes: [{ name: "longhorn", format: "xfs", mount: "/var/lib/longhorn" }] }],
};

test("a custom layout has every partition, the RAID and the volume; laid out again it is the same", async () => {
  await layOut(context, machine, custom);
  const first = await look();
  const boot = first.blockdevice_set.find((each: any) => each.name === "nvme0n1");
  expect(boot.partitions.map((each: any) => each.filesystem?.mount_point)).toEqual(expect.arrayContaining(["/boot/efi", "/"]));
  expect(boot.partition_table_type).toBe("GPT");
  expect(first.boot_disk.name).toBe("nvme0n1");
  expect(await list("raids")).toMatchObject([{ name: "md0", level: "raid-1" }]);
  expect(await list("volume-groups")).toMatchObject([
    { name: "vg0", logical_volumes: [{ filesystem: { fstype: "xfs", mount_point: "/var/lib/longhorn" } }] },
  ]);
  await layOut(context, machine, custom);
  expect(await list("raids")).toHaveLength(1);
  expect(await list("volume-groups")).toHaveLength(1);
});

test("MAAS's own layouts are chosen by name, on the disk that is named", async () => {
  await layOut(context, machine, { layout: "lvm", rootDevice: "sda", volumeGroup: "system" });
  expect(await list("volume-groups")).toMatchObject([{ name: "system" }]);
});

test("a disk that the machine does not have is named, with those that it has", async () => {
  await expect(layOut(context, machine, { layout: "flat", rootDevice: "sdz" })).rejects.toThrow(/no disk sdz; it has .*nvme0n1 \(\d+ GB\)/);
});

const interfaces: InterfaceDesired[] = [
  { type: "physical", name: "eth0", macAddress: identity.macAddresses[0], links: [] },
  { type: "physical", name: "eth1", macAddress: identity.macAddresses[1], mtu: 9000, links: [] },
  { type: "bond", name: "bond0", parents: ["eth0", "eth1"], mode: "802.3ad", monitorInterval: 100, lacpRate: "fast", links: [] },
  {
    type: "bridge",
    name: "br0",
    parent: "bond0",
    kind: "standard",
    stp: false,
    links: [{ mode: "static", address: "192.168.200.42", defaultGateway: true }],
  },
];

test("a bridge on a bond gets its address; set again it is the same", async () => {
  for (let turn = 0; turn < 2; turn++) {
    await connect(context, machine, interfaces, "192.168.200.0/24");
    const { interface_set } = await look();
    const named = Object.fromEntries(interface_set.map((each: any) => [each.name, each]));
    expect(Object.keys(named).sort()).toEqual(["bond0", "br0", "eth0", "eth1"]);
    expect(named.bond0).toMatchObject({ type: "bond", parents: ["eth0", "eth1"], mac_address: identity.macAddresses[0] });
    expect(named.br0.links).toMatchObject([{ mode: "static", ip_address: "192.168.200.42" }]);
  }
});

describe("VLANs", () => {
  let tagged: any;
  beforeEach(async () => {
    const [fabric] = await context.client.get<any[]>("fabrics/");
    tagged = await context.client.post<any>(`fabrics/${fabric.id}/vlans/`, undefined, { vid: 30 });
    await context.client.post("subnets/", undefined, { cidr: "10.30.0.0/24", vlan: tagged.id });
  });
  const vlan = (parent: string): InterfaceDesired => ({
    type: "vlan",
    name: `${parent}.30`,
    parent,
    vid: 30,
    links: [{ mode: "static", subnet: "10.30.0.0/24", address: "10.30.0.42", defaultGateway: false }],
  });
  const named = async () => Object.fromEntries((await look()).interface_set.map((each: any) => [each.name, each]));

  test.each([0, 1])(
    "one on card %d, and one on a bond of both below a bridge, each with its address; set again it is the same",
    async (card) => {
      const cards = interfaces.slice(0, 2);
      for (let turn = 0; turn < 2; turn++) {
        await connect(context, machine, [...cards, vlan(`eth${card}`)], "192.168.200.0/24");
        expect((await named())[`eth${card}.30`]).toMatchObject({
          type: "vlan",
          vlan: { id: tagged.id },
          links: [{ ip_address: "10.30.0.42" }],
        });
        await connect(context, machine, [...interfaces, vlan("bond0")], "192.168.200.0/24");
        const { br0, bond0, eth0, eth1, ...rest } = await named();
        expect(rest["bond0.30"]).toMatchObject({ parents: ["bond0"], vlan: { vid: 30 }, links: [{ ip_address: "10.30.0.42" }] });
        expect([br0, bond0, eth0, eth1].map((each) => each.vlan.vid)).toEqual([0, 0, 0, 0]);
        expect(br0.links).toMatchObject([{ ip_address: "192.168.200.42" }]);
      }
    },
  );

  test("a subnet of another VLAN is refused before MAAS is asked", async () => {
    const wrong: InterfaceDesired = { ...vlan("eth0"), links: [{ mode: "auto", defaultGateway: false }] };
    await expect(connect(context, machine, [interfaces[0], wrong], "192.168.200.0/24")).rejects.toThrow(
      /eth0.30 is on VLAN 30 .*subnet on VLAN 0/,
    );
  });
});

test("a VLAN that the fabric does not have is named, with the command that adds it", async () => {
  const tagged: InterfaceDesired[] = [interfaces[0], { type: "vlan", name: "eth0.77", parent: "eth0", vid: 77, links: [] }];
  await expect(connect(context, machine, tagged, "192.168.200.0/24")).rejects.toMatchObject({
    message: expect.stringMatching(/no VLAN 77/),
    fix: expect.stringContaining("vid=77"),
  });
});

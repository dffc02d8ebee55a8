import { networkOf } from "../../../rig/embedded-lab";
import { regionOf } from "../../../rig/maas-in-lab";

const lab = (subnet: string) => networkOf({ state: "/srv/lab", bridge: "homelab0", subnet });

describe("the lab's network", () => {
  test("has the computer at its first address, and a bridge that says whose it is", () => {
    expect(lab("192.168.200.0/24")).toEqual({
      bridge: "homelab0",
      subnet: "192.168.200.0/24",
      address: "192.168.200.1",
      owner: "cloud-native-home-lab /srv/lab",
    });
    expect(lab("10.0.0.16/28").address).toBe("10.0.0.17");
  });

  test.each(["192.168.200.1/24", "192.168.200.0/30", "0.0.0.0/0", "192.168.200.0", "fd00::/64", "lab"])("is not %s", (subnet) => {
    expect(() => lab(subnet)).toThrow(/--subnet: not the address of a network that holds a lab/);
  });
});

describe("MAAS's region", () => {
  test("knows the subnet, gives addresses from the eleventh on, and has its rack controller on this computer", () => {
    expect(regionOf(lab("10.20.30.0/24"))).toMatchObject({
      subnet: { cidr: "10.20.30.0/24", gateway: "10.20.30.1" },
      rack: { address: "10.20.30.1", connected: true },
      firstAutoAddress: "10.20.30.11",
    });
  });

  test("keeps room for five machines in a small network", () => {
    expect(regionOf(lab("10.0.0.16/28")).firstAutoAddress).toBe("10.0.0.19");
  });
});

import { parse } from "yaml";
import { withOtherHardware } from "../../../cli/new/edit-machine";

const file = "Pulumi.lab.yaml";
const text = `# My lab.
config:
  homelab:machines:
    - name: node1   # under the stairs
      role: server
      macAddresses: ["54:b2:03:00:00:01"]
      power: { type: amt, parameters: { power_address: 192.168.1.21, power_pass: { secure: v1:abc } } }
    - name: node2
      macAddresses:
        - 54:b2:03:00:00:02   # the first card
        - 54:b2:03:00:00:03
      power:
        type: virsh
        parameters:
          power_id: "node2"
  homelab:protect: true
`;
const other = (name: string, macAddresses: string[], power: Record<string, string> = {}) =>
  withOtherHardware(text, file, name, { macAddresses, power });
const machine = (edited: string, index: number) => parse(edited).config["homelab:machines"][index];

describe("other hardware for a machine", () => {
  it("changes its cards and power parameters, and nothing else of the file", () => {
    const edited = other("node1", ["54:b2:03:00:00:09"], { power_address: "192.168.1.29" });
    expect(edited).toBe(text.replace("54:b2:03:00:00:01", "54:b2:03:00:00:09").replace("192.168.1.21", '"192.168.1.29"'));
  });

  it("may have another number of cards, written in any style", () => {
    const edited = other("node2", ["54:b2:03:00:00:0a"], { power_id: "5" });
    expect(machine(edited, 1)).toMatchObject({ macAddresses: ["54:b2:03:00:00:0a"], power: { parameters: { power_id: "5" } } });
    expect(machine(edited, 0)).toEqual(machine(text, 0));
    expect(parse(edited).config["homelab:protect"]).toBe(true);
    const more = other("node1", ["54:b2:03:00:00:0b", "54:b2:03:00:00:0c"]);
    expect(machine(more, 0).macAddresses).toEqual(["54:b2:03:00:00:0b", "54:b2:03:00:00:0c"]);
  });

  it.each([
    ["a machine that is not in the file", () => other("node3", ["54:b2:03:00:00:09"]), "homelab:machines has no node3"],
    ["a parameter that is a secret", () => other("node1", [], { power_pass: "x" }), "power_pass: is not in the stack file, or is a secret"],
    ["a parameter that is not there", () => other("node2", [], { power_user: "x" }), "power_user: is not in the stack file"],
    [
      "a machine that MAAS composes",
      () => withOtherHardware("config: { homelab:machines: [{ name: a, compose: {} }] }", file, "a", { macAddresses: [], power: {} }),
      "homelab:machines[a].macAddresses: is missing",
    ],
  ])("is refused for %s", (_, edit, message) => {
    expect(edit).toThrow(message);
  });
});

import type { MachineFacts } from "../../../cli/live/lab-facts";
import { renderSwitchedOff } from "../../../cli/live/switched-off";

const machine = (name: string, state: string, power: string): MachineFacts => ({ name, role: "server", address: "10.0.0.1", state, power });

describe("after an 'up' that failed", () => {
  const machines = [
    machine("node1", "Deployed", "on"),
    machine("node2", "Deployed", "off"),
    machine("node3", "Deployed", "unknown"),
    machine("node4", "Ready", "off"),
  ];

  it("a deployed machine that is off is named, with the command that switches it on", () => {
    expect(renderSwitchedOff(machines, "sim")).toBe(
      "MAAS says that node2 is off. Switch it on: ./lab machine on node2\n" +
        "MAAS cannot tell whether node3 is on. Look at its power settings, or switch it on: ./lab machine on node3\n",
    );
  });

  it("the command names the stack where it is not the default one", () => {
    expect(renderSwitchedOff(machines.slice(1, 2), "lab")).toContain("./lab machine on node2 --stack lab\n");
  });

  it("nothing is said where all are on", () => {
    expect(renderSwitchedOff(machines.slice(0, 1), "sim")).toBe("");
  });
});

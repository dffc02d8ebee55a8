import type { Host, Shell } from "../../../components/k3s/operations/shell";
import { restartMachine, updateSystem } from "../../../components/k3s/operations/system";

const host = (name: string, role: Host["role"]): Host => ({
  ...{ name, role, address: "192.0.2.1", port: 22, user: "ubuntu" },
  ...{ privateKey: "", hostKey: "" },
});
const hosts = [host("node1", "server"), host("node2", "server"), host("node3", "agent")];

/** Machines whose start is told by `starts`, one after another; what is asked of them is noted. */
function machines(starts: (string | undefined)[], fail?: string): { shell: Shell; asked: string[] } {
  const asked: string[] = [];
  const shell: Shell = {
    async run({ name }, command) {
      const [, words] = /k3s\.sh (.*)$/.exec(command) ?? [];
      asked.push(`${name}: ${words}`);
      if (words === fail) {
        throw new Error(`${name}: no`);
      }
      if (words === "boot") {
        const boot = starts.length > 1 ? starts.shift() : starts[0];
        if (boot === undefined) {
          throw new Error("no route to host");
        }
        return Buffer.from(JSON.stringify({ boot }));
      }
      return Buffer.from(words === "restart" ? '{"boot":"one"}' : '{"changed":3,"restart":true,"kernel":"6.8"}');
    },
  };
  return { shell, asked };
}

const patience = { limit: 200, pause: 1 };

describe("the restart of a machine", () => {
  it("empties its node from another server, waits for another start, and lets it take pods again", async () => {
    const { shell, asked } = machines(["one", undefined, undefined, "two"]);
    await restartMachine(shell, hosts, hosts[0], { patience });
    expect(asked).toEqual(["node2: empty node=node1", "node1: restart", ...Array(4).fill("node1: boot"), "node2: readmit-node node=node1"]);
  });

  it("gives a node as long to be empty as it is told", async () => {
    const { shell, asked } = machines(["two"]);
    await restartMachine(shell, hosts, hosts[2], { drain: 900, patience });
    expect(asked[0]).toBe("node1: empty node=node3 drain-timeout=900");
  });

  it("asks the only server about itself", async () => {
    const { shell, asked } = machines(["two"]);
    await restartMachine(shell, [hosts[0]], hosts[0], { patience });
    expect(asked[0]).toBe("node1: empty node=node1");
  });

  it("does not begin where the node cannot be emptied", async () => {
    const { shell, asked } = machines(["two"], "empty node=node3");
    await expect(restartMachine(shell, hosts, hosts[2], { patience })).rejects.toThrow("node1: no");
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["one", "has not restarted"],
    [undefined, "does not answer"],
  ])("ends when the machine's start stays %s, and says so", async (start, said) => {
    const { shell, asked } = machines([start]);
    await expect(restartMachine(shell, hosts, hosts[2], { patience })).rejects.toThrow(`node3: ${said}`);
    expect(asked.at(-1)).toBe("node3: boot");
  });
});

it("tells what an update has done", async () => {
  const { shell, asked } = machines([]);
  expect(await updateSystem(shell, hosts[0], "security")).toEqual({ changed: 3, restart: true, kernel: "6.8" });
  expect(asked).toEqual(["node1: update-system packages=security"]);
});

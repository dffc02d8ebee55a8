import { upgradeOs } from "../../../cli/verbs/upgrade-os";

/** What is run on machines is noted. */
const asked: string[] = [];
let wrong: string[] = [];
let restart = false;
let failure: string | undefined;
const host = (name: string, role: string) => ({ name, role });

jest.mock("../../../cli/engine/known-stack", () => ({ knownStack: async () => ({ stack: "attic" }) }));
jest.mock("../../../cli/engine/settings-file", () => ({
  checkStackFile: async (stack: string) => ({ settings: { cluster: { timeouts: { drain: stack === "attic" ? "20 minutes" : "" } } } }),
}));
jest.mock("../../../cli/live/lab-hosts", () => ({
  labHosts: async () => ({ hosts: [host("pc", "agent"), host("nuc1", "server"), host("nuc2", "server")], outputs: {} }),
}));
jest.mock("../../../cli/live/summary", () => ({ labStatus: async () => ({}), renderStatus: () => "" }));
jest.mock("../../../cli/live/well", () => ({ unwell: () => wrong }));
jest.mock("../../../cli/live/rollouts", () => ({ waitForRollouts: async () => [] }));
jest.mock("../../../components/k3s/operations/system", () => ({
  updateSystem: async (_: unknown, { name }: { name: string }, packages: string) => {
    asked.push(`update ${name}: ${packages}`);
    if (failure !== undefined) {
      throw new Error(failure);
    }
    return { changed: 1, restart, kernel: "6.8" };
  },
  restartMachine: async (_: unknown, __: unknown, { name }: { name: string }, { drain }: { drain: number }) =>
    asked.push(`restart ${name} within ${drain}`),
  readmit: async () => undefined,
}));

const options = { stack: "attic", packages: "all", restart: "needed", yes: true } as const;

beforeEach(() => {
  asked.length = 0;
  [wrong, restart, failure] = [[], false, undefined];
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
  jest.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(() => jest.restoreAllMocks());

describe("lab upgrade os", () => {
  it("goes through the servers, then the agents, and restarts none that need not", async () => {
    await upgradeOs([], options);
    expect(asked).toEqual(["update nuc1: all", "update nuc2: all", "update pc: all"]);
  });

  it("restarts each before it goes to the next one, and gives its node homelab:cluster.timeouts.drain to be empty", async () => {
    restart = true;
    await upgradeOs(["pc", "nuc2"], options);
    expect(asked).toEqual(["update nuc2: all", "restart nuc2 within 1200", "update pc: all", "restart pc within 1200"]);
  });

  it("restarts all or none where it is told so", async () => {
    await upgradeOs(["pc"], { ...options, restart: "always", packages: "none" });
    restart = true;
    await upgradeOs(["pc"], { ...options, restart: "never" });
    expect(asked).toEqual(["update pc: none", "restart pc within 1200", "update pc: all"]);
  });

  it("is refused while the lab is not well, and for a machine that it does not have", async () => {
    wrong = ["node nuc1 is not Ready"];
    await expect(upgradeOs([], options)).rejects.toThrow(/the lab is not well[\s\S]*node nuc1 is not Ready/);
    await expect(upgradeOs(["nuc3"], options)).rejects.toThrow(/is not one of the stack's machines[\s\S]*pc, nuc1, nuc2/);
    expect(asked).toEqual([]);
  });

  it("says what to run where the machines have an older project's scripts", async () => {
    failure = "nuc1: usage: k3s.sh install|prepare";
    await expect(upgradeOs([], options)).rejects.toThrow(/older project's scripts[\s\S]*\.\/lab up --stack attic/);
  });
});

import { Command } from "commander";

/** What the verbs do in their order; the engine and the machines are not there. */
const did: string[] = [];
let refusal: Error | undefined;

jest.mock("../../../cli/engine/guard", () => {
  const consents = (options: readonly string[]) => {
    did.push(`consents ${options.join(" ")}`.trim());
    if (refusal) {
      throw refusal;
    }
  };
  return {
    requireConsents: async (_: unknown, options: readonly string[] = []) => consents(options),
    reviewUp: async () => {
      consents([]);
      return [];
    },
  };
});
jest.mock("../../../cli/engine/engine-run", () => ({
  engineUp: async (_: unknown, options: readonly string[] = []) => {
    did.push(`up ${options.filter((each) => !each.startsWith("urn:")).join(" ")}`.trim());
    return { code: 0 };
  },
}));
jest.mock("../../../cli/engine/open-lab", () => ({ openLab: async (stack: string) => ({ stack }) }));
jest.mock("../../../cli/engine/known-stack", () => ({ knownStack: async (stack: string) => ({ stack }) }));
jest.mock("../../../cli/live/lab-facts", () => ({
  stackOutputs: async () => ({ machines: { node1: {} } }),
  maasOf: async () => ({ get: async () => [{ hostname: "node1" }] }),
}));
jest.mock("../../../cli/live/lab-hosts", () => ({ labHosts: async () => ({ hosts: [], outputs: {} }) }));
jest.mock("../../../cli/live/summary", () => ({
  labStatus: async () => ({ machines: [] }),
  renderStatus: () => "",
  renderNextSteps: () => "",
}));
jest.mock("../../../components/k3s/operations/backup", () => ({ fetchBackup: async () => Buffer.from("archive") }));
jest.mock("../../../components/k3s/operations/restore", () => ({
  restore: async () => {
    did.push("restore");
    return {};
  },
}));
jest.mock("../../../cli/drift/drift", () => ({
  driftOf: async () => ({
    findings: [{ repair: { by: "replace", resources: ["tasks-taskd-data"] } }, { repair: { by: "step", resources: ["node1-enlistment"] } }],
    unknown: [],
  }),
}));
jest.mock("../../../cli/drift/finding", () => ({ renderDrift: () => "" }));
jest.mock("../../../cli/drift/state", () => ({
  readState: async () => {
    did.push("steps");
    return [];
  },
}));
jest.mock("../../../cli/engine/progress", () => ({
  say: () => undefined,
  stage: async (_: string, work: (report: () => void) => unknown) => work(() => undefined),
  total: () => "",
}));

async function lab(verb: string, ...args: string[]): Promise<void> {
  const program = new Command();
  (require(`../../../cli/verbs/${verb}`) as { register(program: Command): void }).register(program);
  await program.parseAsync(["node", "lab", verb, ...args]);
}

beforeEach(() => {
  did.length = 0;
  refusal = undefined;
  jest.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(() => jest.restoreAllMocks());

describe.each([
  ["machine", ["redeploy", "node1", "--yes"], ["consents --replace **::node1-incarnation", "up --replace **::node1-incarnation"]],
  [
    "machine",
    ["recommission", "node1", "--yes"],
    [
      "consents --replace **::node1-commissioning --replace **::node1-incarnation",
      "up --replace **::node1-commissioning --replace **::node1-incarnation",
    ],
  ],
  ["restore", ["archive.tar.gz"], ["restore", "up --replace --target --target", "consents --refresh", "up --refresh"]],
  ["up", [], ["consents", "up"]],
  ["up", ["--repair"], ["consents --replace **::tasks-taskd-data", "steps", "up --replace **::tasks-taskd-data"]],
])("lab %s %j", (verb, args, expected) => {
  it("asks for the consents that the very run needs before it", async () => {
    await lab(verb, ...args);
    expect(did).toEqual(expected);
  });

  it("does nothing more where they are missing", async () => {
    refusal = new Error("homelab:consent");
    await expect(lab(verb, ...args)).rejects.toThrow("homelab:consent");
    expect(did).toEqual(expected.slice(0, expected.findIndex((step) => step.startsWith("consents")) + 1));
  });
});

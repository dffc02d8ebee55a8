import type { OpenLab } from "../../../cli/engine/open-lab";
import { walk } from "../../../cli/engine/walk";
import type { LabStatus } from "../../../cli/live/summary";

/** What the walk does in its order; the engine and the machines are not there. */
const did: string[] = [];
let codes: number[] = [];
let statuses: LabStatus[] = [];

jest.mock("../../../cli/engine/engine-run", () => ({
  engineUp: async (_: unknown, options: readonly string[]) => {
    did.push(`up without ${options.filter((each) => each !== "--exclude").join(" ") || "nothing"}`);
    return { code: codes.shift() ?? 0, timeline: {} };
  },
}));
jest.mock("../../../cli/engine/guard", () => ({
  unprotect: async (_: unknown, [urn]: readonly string[]) => {
    did.push(`unprotect ${urn}`);
  },
}));
jest.mock("../../../cli/live/rollouts", () => ({ waitForRollouts: async () => [] }));
jest.mock("../../../cli/live/summary", () => ({ labStatus: async () => (statuses.length > 1 ? statuses.shift() : statuses[0]) }));
jest.mock("../../../cli/engine/progress", () => ({ say: () => undefined, stage: async (_: string, work: () => unknown) => work() }));

const lab = {} as OpenLab;
const stop = (machine: string, server = true) => ({ machine, server, urns: [machine], guarded: [`${machine}-deployment`] });
const status = (...unready: string[]): LabStatus => ({
  machines: [],
  cluster: {
    nodes: ["a", "b", "c"].map((name) => ({ name, ready: !unready.includes(name), version: "", system: "", kernel: "6.1.0-41-amd64" })),
    pods: [],
  },
  addresses: {},
  taskUsers: [],
  ownAuthority: false,
});
const short = { limit: 50, pause: 1 };
const long = { limit: 60_000, pause: 1 };

beforeEach(() => {
  did.length = 0;
  codes = [];
  statuses = [status()];
});

it("does everything else first, then one machine after another, and takes the protection off each at its turn", async () => {
  await walk(lab, [stop("a"), stop("b"), stop("c")], 1, short);
  expect(did).toEqual([
    "up without a b c",
    ...["unprotect a-deployment", "up without b c"],
    ...["unprotect b-deployment", "up without c"],
    ...["unprotect c-deployment", "up without nothing"],
  ]);
});

it("waits until a machine is well, and does not mind what was wrong before", async () => {
  statuses = [status("c"), status("a", "c"), status("a", "c"), status("c")];
  await walk(lab, [stop("a"), stop("b")], 1, long);
  expect(did.filter((each) => each.startsWith("up"))).toEqual(["up without a b", "up without b", "up without nothing"]);
});

it("stops at a machine that does not get well, and says what is wrong and what waits", async () => {
  statuses = [status(), status("a")];
  await expect(walk(lab, [stop("a"), stop("b"), stop("c")], 1, short)).rejects.toThrow(
    /^a: reinstalled, and not well.*\n {2}node a is not Ready\nNot touched yet: b, c\..*it continues with b\.$/,
  );
  expect(did).toEqual(["up without a b c", "unprotect a-deployment", "up without b c"]);
});

it("stops where the engine failed", async () => {
  codes = [0, 1];
  expect((await walk(lab, [stop("a"), stop("b")], 1, short)).code).toBe(1);
  expect(did.at(-1)).toBe("up without b");
});

it("touches no machine where the other changes failed", async () => {
  codes = [1];
  expect((await walk(lab, [stop("a"), stop("b")], 1, short)).code).toBe(1);
  expect(did).toEqual(["up without a b"]);
});

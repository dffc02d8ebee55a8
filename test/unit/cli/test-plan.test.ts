import * as path from "node:path";
import { checkout } from "../../../cli/paths";
import { announced, planTests, splitArguments, type TestPlan } from "../../../cli/testing/plan";

const names = (files: readonly string[]) => files.map((file) => path.relative(checkout, file));

describe("npm test", () => {
  it("runs everything without a pattern", async () => {
    const { files, artefacts, engine } = await planTests([]);
    expect([files.unit.length > 50, files.integration.length > 20, files.e2e.length > 1, artefacts, engine]).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
  });

  it("runs a part by a pattern, and no lab for it unless it names one", async () => {
    const workflows = await planTests(["workflows", "--verbose"]);
    expect(names(workflows.files.unit)).toEqual(["test/unit/house/workflows.test.ts"]);
    expect(names(workflows.files.integration)).toEqual([
      "test/integration/workflows/deploy.test.ts",
      "test/integration/workflows/embedded-and-tests.test.ts",
      "test/integration/workflows/hostile.test.ts",
      "test/integration/workflows/other-forges.test.ts",
      "test/integration/workflows/pull-requests.test.ts",
    ]);
    expect([workflows.files.e2e, workflows.engine, workflows.artefacts]).toEqual([[], true, false]);
    // The checkout's own folder is no part of it.
    expect((await planTests([checkout])).files.unit).toEqual([]);
    expect((await planTests(["lab"])).files.e2e).toEqual([]);
    expect(names((await planTests(["e2e/lab"])).files.e2e)).toEqual(["test/e2e/lab.test.ts"]);
    expect((await planTests(["lab"], "e2e")).files.e2e).toHaveLength(1);
    expect([(await planTests(["forge"])).files.forge, (await planTests([])).files.forge]).toEqual([[], []]);
    expect(names((await planTests([], "forge")).files.forge)).toEqual(["test/forge/gitea.test.ts"]);
  });

  it("takes the value of one of jest's options for no pattern", async () => {
    const args = ["unit/cli/kubeconfig", "--testNamePattern", "leaves other clusters", "--verbose"];
    expect(splitArguments(args)).toEqual({ patterns: ["unit/cli/kubeconfig"], forJest: args.slice(1) });
    expect(names((await planTests(args)).files.unit)).toEqual(["test/unit/cli/kubeconfig.test.ts"]);
  });

  it("prepares nothing for unit tests, and Kubernetes only for what runs it", async () => {
    expect(await planTests(["unit/cli"])).toMatchObject({ engine: false, artefacts: false });
    expect(await planTests(["integration/maas-sim"])).toMatchObject({ engine: true, artefacts: false });
    expect(await planTests(["integration/k3s"])).toMatchObject({ engine: true, artefacts: true });
  });

  it("says at the start what it will do and how long that took the last time", () => {
    const plan = (files: Partial<TestPlan["files"]>, artefacts = false): TestPlan => ({
      files: { unit: [], integration: [], e2e: [], forge: [], ...files },
      artefacts,
      engine: true,
    });
    const file = (name: string) => path.join(checkout, name);
    const times = { a: 30_000, b: 90_000, lab: 400_000 };
    expect(announced(plan({ unit: [file("a")], integration: [file("b")] }), times, 2, 2)).toBe(
      "Runs 1 file of unit tests, 1 file of integration tests (local servers): about 1 minute, as the last time on this computer.",
    );
    expect(announced(plan({ unit: [file("a"), file("b")], e2e: [file("lab")] }, true), times, 2, 2)).toBe(
      "Runs 2 files of unit tests, 1 embedded lab brought up and taken down (end-to-end tests): about 7 minutes, as the last time on this computer; the first run builds what cannot be downloaded (up to 30 minutes).",
    );
    expect(announced(plan({ unit: [file("new")] }), times, 2, 2)).toBe(
      "Runs 1 file of unit tests: how long is not known yet on this computer.",
    );
    expect(announced(plan({}), times, 2, 2)).toBe("No test file matches.");
  });
});

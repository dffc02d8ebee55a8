import { faults, type Outcome, runSeed, undisturbed } from "../../../bench/chaos/run";

// Seeds of `npm run chaos`, one for each fault: the disturbed run may fail, the next one may not.
jest.setTimeout(300_000);

describe("a run that was disturbed", () => {
  let wanted: { up: string; down: string };
  const seen = new Set<string>();

  beforeAll(async () => {
    // The simulator tells of each write that its full disk refuses.
    jest.spyOn(console, "error").mockImplementation(() => undefined);
    wanted = await undisturbed();
  });

  test.each([2, 6, 11, 3, 33, 4, 9, 26, 18, 24, 25, 8, 20, 1])(
    "is brought to the same end by the next one, and down leaves nothing: seed %i",
    async (seed) => {
      const outcome: Outcome = await runSeed(seed, wanted);
      seen.add(outcome.fault);
      expect(outcome).toMatchObject({ struck: true, broken: [], left: [] });
    },
  );

  test("had each of the faults", () => {
    expect([...seen].sort()).toEqual([...faults].sort());
  });
});

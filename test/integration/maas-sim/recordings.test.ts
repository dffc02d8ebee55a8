/** Plays the recorded conversations with a real region against a fresh simulator, in order. */
import { ignored, before as interludes } from "./interludes";
import { hasRecordings, loadRecordings, loadRefusals } from "./recordings";
import { type Outcome, Rig, replay } from "./rig";

const available = hasRecordings();
const reason = "the recordings lie in ../shared/contract/maas, which is not there";

describe.each([
  { region: "with its rack connected", norack: false },
  { region: "with no rack connected", norack: true },
])("recordings of a region $region", ({ norack }) => {
  if (!available) {
    it.skip(`are not compared: ${reason}`, () => undefined);
    return;
  }

  let outcomes: Outcome[];

  beforeAll(async () => {
    const rig = await new Rig(!norack).start();
    const recordings = loadRecordings().filter(({ name }) => name.startsWith("norack.") === norack);
    outcomes = await replay(rig, recordings, { before: interludes, ignored, refusals: loadRefusals() });
    await rig.stop();
  }, 60_000);

  it("are answered as they were", () => {
    const different = outcomes
      .filter(({ differences }) => differences.length > 0)
      .map(({ name, differences }) => ({ name, differences: differences.slice(0, 5) }));
    expect(different).toEqual([]);
    expect(outcomes.filter(({ expected }) => expected !== null).length).toBeGreaterThan(norack ? 10 : 550);
  });

  it("are answered without a crash where the answer is held back", () => {
    const crashed = outcomes
      .filter(({ expected, live }) => expected === null && live.status >= 400)
      .map(({ name, live }) => `${name}: ${live.status} ${live.body.toString().slice(0, 100)}`);
    expect(crashed).toEqual([]);
  });
});

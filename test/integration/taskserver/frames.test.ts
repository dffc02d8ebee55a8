import { fuzz, targets } from "../../../bench/chaos/fuzz-targets";

/** The first of `npm run fuzz` that clients send to taskd, through its gate. */
jest.setTimeout(180_000);

const index = targets.findIndex(({ name }) => name === "taskd frames");

afterAll(() => targets[index].close?.());

it("crash neither taskd nor its gate, and stop nobody", async () => {
  for (let number = index; number < 100 * targets.length; number += targets.length) {
    expect(await fuzz(number, 60_000)).toBeUndefined();
  }
});

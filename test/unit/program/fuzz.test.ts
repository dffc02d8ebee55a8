import { fuzz, targets } from "../../../bench/chaos/fuzz-targets";

// The first of `npm run fuzz`: the same numbers give the same inputs.
const inputs = 600;

test.each(targets.map(({ name }, index) => [name, index] as const))(
  "%s, changed at random, crash nothing and print no stack trace",
  async (_, index) => {
    for (let number = index; number < inputs; number += targets.length) {
      // Ends what hangs, and measures nothing.
      expect(await fuzz(number, 60_000)).toBeUndefined();
    }
  },
);

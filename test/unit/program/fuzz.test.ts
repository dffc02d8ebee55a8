import { fuzz, targets } from "../../../bench/chaos/fuzz-targets";

// The first of `npm run fuzz`: the same numbers give the same inputs.
const inputs = 600;

// What needs programs of its own is tried with them: taskserver/frames.test.ts.
const here = targets.map(({ name }, index) => [name, index] as const).filter(([, index]) => targets[index].close === undefined);

test.each(here)("%s, changed at random, crash nothing and print no stack trace", async (_, index) => {
  for (let number = index; number < inputs; number += targets.length) {
    // Ends what hangs, and measures nothing.
    expect(await fuzz(number, 60_000)).toBeUndefined();
  }
});

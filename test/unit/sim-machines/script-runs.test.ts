import { argumentsOf, seconds } from "../../../rig/maas/machine/script-runs";

test("parameters become arguments in the format that the script asks for, and by name without one", () => {
  expect(
    argumentsOf({
      speed: { type: "string", value: "10 Gbit" },
      url: { type: "url", value: "http://a/$1", argument_format: "--from={input}" },
      flag: { type: "boolean", value: true, argument_format: "--flag" },
    }),
  ).toEqual(["--speed=10 Gbit", "--from=http://a/$1", "--flag"]);
});

test.each([
  ["0:00:00", 0],
  ["0:10:00", 600],
  ["1:00:05", 3605],
])("the time limit %s is %d s", (timeout, expected) => {
  expect(seconds(timeout)).toBe(expected);
});

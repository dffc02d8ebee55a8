import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { SCRIPTS_FOLDER } from "../../../components/k3s/scripts";

const [monday, saturday, sunday] = [1, 6, 7];

/** Whether the window is open at a time on a weekday. */
function open(window: { from: string; to: string; days: string }, time: string, weekday: number): boolean {
  const text = `OURS=x; . "${path.join(SCRIPTS_FOLDER, "85-updates.sh")}"; FROM=$1 TO=$2 DAYS=$3; in_window "$4" "$5"`;
  const { status, stderr } = spawnSync("sh", ["-euc", text, "sh", window.from, window.to, window.days, time, String(weekday)]);
  expect(stderr.toString()).toBe("");
  return status === 0;
}

describe("the window of updates", () => {
  const weekend = { from: "0200", to: "0500", days: "6 7" };
  const night = { from: "2230", to: "0400", days: "7" };
  const always = { from: "0000", to: "0000", days: "1 2 3 4 5 6 7" };

  it.each([
    ["at its begin", weekend, "0200", saturday, true],
    ["before it", weekend, "0159", saturday, false],
    ["in it", weekend, "0409", sunday, true],
    ["at its end", weekend, "0500", sunday, false],
    ["on another day", weekend, "0300", monday, false],
    ["in the evening of its day", night, "2359", sunday, true],
    ["in the night after, which is another day's", night, "0359", monday, true],
    ["after that night", night, "0400", monday, false],
    ["in the night before", night, "0100", sunday, false],
    ["of a whole day", always, "0809", monday, true],
    ["of a whole day, at midnight", always, "0000", sunday, true],
  ])("%s", (_when, window, time, weekday, is) => {
    expect(open(window, time, weekday)).toBe(is);
  });
});

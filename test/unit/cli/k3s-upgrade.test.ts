import * as fc from "fast-check";
import { compareVersions, requireUpgradable } from "../../../cli/report/upgrade";
import versions from "../../../versions.json";

const { before, version, next } = versions.k3s;
const minor = Number(version.split(".")[1]);

describe("versions of k3s", () => {
  it("are compared by their numbers, a candidate before its release", () => {
    const inOrder = ["v1.9.9+k3s1", "v1.35.9+k3s1", "v1.35.10-rc2+k3s1", "v1.35.10+k3s1", "v1.35.10+k3s2", "v1.36.0+k3s1"];
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), (a, b) => {
        expect(Math.sign(compareVersions(inOrder[a], inOrder[b]))).toBe(Math.sign(a - b));
      }),
    );
  });
});

describe("an upgrade of k3s", () => {
  it.each([
    [{ node1: before, node2: before }, version],
    [{ node1: version, node2: before }, version],
    [{ node1: version }, next],
    [{ node1: version }, version],
    [{ node1: before }, before.replace("k3s1", "k3s2")],
  ])("of %j to %s is allowed", (running, to) => {
    expect(() => requireUpgradable(running, to)).not.toThrow();
  });

  it.each([
    ["what is no version", { node1: version }, "1.37", /--to: is not a version of k3s[\s\S]*v1\.36\.5\+k3s1/],
    [
      "a minor that is newer than the project",
      { node1: version },
      `v1.${minor + 1}.0+k3s1`,
      new RegExp(`does not know k3s 1.${minor + 1}[\\s\\S]*releases of 1.${minor - 1} and 1.${minor}[\\s\\S]*update the project first`),
    ],
    ["a minor that is older than it knows", { node1: before }, `v1.${minor - 2}.1+k3s1`, /does not know k3s/],
    ["an older version", { node1: version, node2: before }, before, /cannot go back[\s\S]*on node1[\s\S]*upgrade k3s --back/],
    ["an older revision", { node1: next }, version, /cannot go back to an older version/],
    [
      "a minor after the next",
      { node1: before, node2: `v1.${minor - 2}.3+k3s1` },
      version,
      new RegExp(`one minor version at a time[\\s\\S]*on node2; [\\s\\S]*${before.replaceAll(/[.+]/g, "\\$&")}`),
    ],
  ])("to %s is refused, with what is found and allowed", (_, running, to, said) => {
    expect(() => requireUpgradable(running, to)).toThrow(said);
  });
});

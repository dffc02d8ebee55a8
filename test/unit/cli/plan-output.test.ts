import { planOutput } from "../../../cli/engine/plan-output";

const violation =
  "    kubernetes:core/v1:Secret tasks-clients  error: resource urn:pulumi:sim::homelab::kubernetes:core/v1:Secret::tasks-clients violates plan: properties changed: +-stringData[{&{output<string>{}}}], -~data[{&{{map[KEY:{hunter2";

describe("the engine's output while it keeps to a plan", () => {
  const shown = (...lines: string[]) => {
    const filter = planOutput();
    return lines.map((line) => filter(line)).filter((line) => line !== undefined);
  };

  it("names what violates the plan, and shows no value of it, however many lines it has", () => {
    const all = shown(violation, "    password: hunter3", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "}]}}}]", "", "@ updating....");
    expect(all).toEqual([
      expect.stringMatching(/Secret::tasks-clients violates plan: properties changed: stringData, data$/),
      "@ updating....",
    ]);
    expect(all.join("\n")).not.toMatch(/hunter|MIIE/);
  });

  it.each([
    " +  kubernetes:core/v1:Secret clients creating (0s) ",
    "Resources:",
    "  pulumi:pulumi:Stack (homelab-sim):",
    " ~  command:remote:Command k3s updated (2s)",
  ])("goes on after it with %j", (line) => {
    expect(shown(violation, "secret", line)).toEqual([expect.stringContaining("violates plan"), line]);
  });

  it("leaves out what was not come to, and lets everything else through", () => {
    const said = ["", "    error: something else", "      indented: text"];
    expect(shown(...said, "    error: expected resource operations for urn:pulumi:a but none were seen")).toEqual(said);
  });
});

import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { revealed } from "../../../components/core/secret";
import { UserError } from "../../../components/core/user-error";
import { parseSettings } from "../../../settings/validate";
import { stackSettings } from "../program/fixtures";

interface Fixture {
  /** On top of the sim stack's settings, by dotted path; null takes away. */
  change: Record<string, unknown>;
  refused?: { path: string; message: string; fix: string }[];
  /** Must not be in the message. */
  hidden?: string;
}

const folder = path.join(__dirname, "../../fixtures/settings");
const fixtures = fs
  .readdirSync(folder)
  .filter((name) => /^cluster-.*\.yaml$/.test(name))
  .map((name) => [name.replace(".yaml", ""), yaml.load(fs.readFileSync(path.join(folder, name), "utf8")) as Fixture] as const);

function changed({ change }: Fixture): unknown {
  const settings: any = stackSettings("sim");
  for (const [where, value] of Object.entries(change)) {
    const keys = where.split(".");
    const last = keys.pop() as string;
    const target = keys.reduce((inner, key) => (inner[key] ??= {}), settings);
    target[last] = value;
  }
  return settings;
}

function refusal(settings: unknown): UserError {
  try {
    parseSettings(settings);
  } catch (error) {
    return error as UserError;
  }
  throw new Error("the settings were accepted");
}

describe("settings that are refused", () => {
  it.each(fixtures.filter(([, fixture]) => fixture.refused))("%s", (_name, fixture) => {
    const error = refusal(changed(fixture));
    expect(error).toBeInstanceOf(UserError);
    expect(error.exitCode).toBe(2);
    expect(error.problems.map((problem) => problem.path)).toEqual(fixture.refused!.map((problem) => problem.path));
    for (const [index, { path: where, message, fix }] of fixture.refused!.entries()) {
      expect(error.problems[index].message).toContain(message);
      expect(error.problems[index].fix).toContain(fix);
      expect(error.message).toContain(where);
    }
    if (fixture.hidden) {
      expect(error.message).not.toContain(fixture.hidden);
    }
    expect(error.stack).not.toContain(".ts:");
  });
});

describe("settings that are accepted", () => {
  const accepted = fixtures.filter(([, fixture]) => !fixture.refused);

  it.each(accepted)("%s", (_name, fixture) => {
    const { cluster, machines } = parseSettings(changed(fixture));
    expect({
      cluster: revealed(cluster),
      machines: machines.map(({ name, role, labels, taints }) => ({ name, role, labels, taints })),
    }).toMatchSnapshot();
  });

  it.each(["sim", "lab", "vm"])("the committed stack file of %s", (stack) => {
    expect(parseSettings(stackSettings(stack)).environment).toBe({ sim: "sim", lab: "physical", vm: "vm" }[stack]);
  });
});

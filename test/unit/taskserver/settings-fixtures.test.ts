import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { revealed } from "../../../components/core/secret";
import { UserError } from "../../../components/core/user-error";
import { parseSettings } from "../../../settings/validate";

/** A change to the sim stack's settings, by dotted path, and what it is refused for, if it is. */
interface Fixture {
  change: Record<string, unknown>;
  refused?: { path: string; message: string }[];
  /** Must not be in the message. */
  hidden?: string;
}

const root = path.resolve(__dirname, "../../..");
const folder = path.join(root, "test/fixtures/settings");
const fixtures = fs
  .readdirSync(folder)
  .filter((name) => /^(monitoring|task)-.*\.yaml$/.test(name))
  .map((name) => [name.replace(".yaml", ""), yaml.load(fs.readFileSync(path.join(folder, name), "utf8")) as Fixture] as const);

function changed({ change }: Fixture): unknown {
  const { config } = yaml.load(fs.readFileSync(path.join(root, "Pulumi.sim.yaml"), "utf8")) as { config: Record<string, unknown> };
  const settings: any = {
    maasApiKey: "a:b:c",
    ...Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), value])),
  };
  for (const [where, value] of Object.entries(change)) {
    const keys = where.split(".");
    const last = keys.pop() as string;
    const target = keys.reduce((inner, key) => (inner[key] ??= {}), settings);
    target[last] = value;
  }
  return settings;
}

describe("settings of monitoring and task servers", () => {
  test.each(fixtures.filter(([, fixture]) => fixture.refused))("%s is refused", (_name, fixture) => {
    let refusal: unknown;
    try {
      parseSettings(changed(fixture));
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(UserError);
    const { problems, message } = refusal as UserError;
    expect(problems.map((problem) => problem.path)).toEqual(fixture.refused?.map((problem) => problem.path));
    fixture.refused?.forEach((expected, index) => {
      expect(problems[index].message).toContain(expected.message);
    });
    if (fixture.hidden) {
      expect(message).not.toContain(fixture.hidden);
    }
  });

  test.each(fixtures.filter(([, fixture]) => !fixture.refused))("%s is accepted", (_name, fixture) => {
    const { monitoring, taskServers } = parseSettings(changed(fixture));
    expect(revealed({ alertmanager: monitoring.alertmanager, taskServers })).toMatchSnapshot();
  });
});

import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { revealed } from "../../../components/core/secret";
import { UserError } from "../../../components/core/user-error";
import { type PlainUserData, userData, userDataArgs } from "../../../components/maas/cloud-init";
import { parseSettings } from "../../../settings/validate";
import { inClearNow } from "../../support/in-clear";

const fixtures = path.join(__dirname, "../../fixtures/settings");
const read = (name: string) => load(fs.readFileSync(path.join(fixtures, `maas-${name}.yaml`), "utf8")) as any;

interface Mistake {
  name: string;
  base?: string;
  set: Record<string, unknown>;
  expect: { path: string; message: string; fix: string };
}

/** Sets `machines[0].power.type` and the like; null takes the setting out. */
function change(settings: any, where: string, value: unknown): void {
  const keys = where.split(/[.[\]]+/).filter(Boolean);
  const last = keys.pop() as string;
  const owner = keys.reduce((inner, key) => inner[key], settings);
  if (value === null) {
    delete owner[last];
  } else {
    owner[last] = value;
  }
}

describe.each(["physical", "virtual"])("the settings maas-%s.yaml", (name) => {
  test("are valid, with these defaults", () => {
    const { maas, network, machines } = parseSettings(read(name));
    expect(revealed({ maas, network, machines })).toMatchSnapshot();
  });

  test("render to this user data", () => {
    const { machines, ssh } = parseSettings(read(name));
    const hostKey = {
      privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
      publicKey: "ssh-ed25519 HOST",
    };
    for (const machine of machines) {
      expect(
        userData(userDataArgs({ userData: inClearNow(machine.userData) as PlainUserData, ssh, deployKey: "ssh-ed25519 DEPLOY", hostKey })),
      ).toMatchSnapshot(machine.name);
    }
  });
});

test.each((read("invalid") as Mistake[]).map((each): [string, Mistake] => [each.name, each]))("refused: %s", (_name, mistake) => {
  const settings = read(mistake.base ?? "physical");
  for (const [where, value] of Object.entries(mistake.set)) {
    change(settings, where, value);
  }
  let error: unknown;
  try {
    parseSettings(settings);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UserError);
  const { problems } = error as UserError;
  const told = problems.find((each) => each.path === mistake.expect.path && each.message.includes(mistake.expect.message));
  expect({ problems, told }).toMatchObject({ told: { fix: expect.stringContaining(mistake.expect.fix) } });
});

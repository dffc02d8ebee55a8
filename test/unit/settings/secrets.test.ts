import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { z } from "zod";
import { configOf } from "../../../cli/engine/settings-file";
import { Secret, secretsIn } from "../../../components/core/secret";
import type { UserError } from "../../../components/core/user-error";
import { fingerprint } from "../../../settings/fingerprint";
import { settingsSchema } from "../../../settings/schema";
import { partsOf, secret, secretSchema } from "../../../settings/secret";
import { parseSettings } from "../../../settings/validate";
import { everySecret } from "../../support/secret-settings";

/** Secret schemas below a schema, one for each place where it is used. */
function countSecrets(schema: z.ZodType): number {
  return secretSchema(schema) ? 1 : partsOf(schema).reduce((sum, part) => sum + countSecrets(part), 0);
}

const settings = everySecret((place) => `canary-of-${place}`);
const refusal = (change: (draft: any) => void): UserError => {
  const draft = structuredClone(settings.plain);
  change(draft);
  try {
    parseSettings(draft);
  } catch (error) {
    return error as UserError;
  }
  throw new Error("the settings were accepted");
};

/** Sets what is at a path, and gives what was there. */
function put(draft: any, keys: readonly (string | number)[], value: unknown): void {
  const target = keys.slice(0, -1).reduce((inner, key) => inner[key], draft);
  target[keys.at(-1) as string] = value;
}

describe("every secret of the settings", () => {
  it("is in the list that the tests walk", () => {
    // Receivers have one place for each type, registries two for each host; the list has each place of the schema once.
    expect(settings.places.length).toBe(countSecrets(settingsSchema));
  });

  it("is a Secret after parsing, and shown by no rendering of the settings", () => {
    const parsed = parseSettings(settings.plain);
    expect(secretsIn(parsed).length).toBeGreaterThanOrEqual(settings.places.length);
    expect(JSON.stringify(parsed)).not.toContain("canary-of-");
  });

  describe.each(settings.places.map(({ name, keys }) => [name, keys] as const))("%s", (_name, keys) => {
    // Wrong types, and wrong types that hold a secret themselves: at the place, at all that it lies in, and beside it.
    const wrong: [string, (draft: any) => void][] = [
      ["a number", (draft) => put(draft, keys, 4711)],
      ["a map", (draft) => put(draft, keys, { hunter2: "canary-hunter2" })],
      ["a list of maps", (draft) => put(draft, keys, [{ hunter2: "canary-hunter2" }])],
      ["a text with a line break and nothing that it needs", (draft) => put(draft, keys, "\ncanary-hunter2 \u0000")],
      ["a misspelt name", (draft) => put(draft, [...keys.slice(0, -1), `${keys.at(-1)}x`], "canary-hunter2")],
      ...keys
        .slice(1)
        .map((_, index): [string, (draft: any) => void] => [
          `a text in place of ${keys.slice(0, index + 1).join(".")}`,
          (draft) => put(draft, keys.slice(0, index + 1), "canary-hunter2"),
        ]),
    ];

    it.each(wrong)("is not shown where there is %s", (_what, change) => {
      let shown = "";
      try {
        shown = refusal(change).message;
      } catch {
        // Some take any text.
        return;
      }
      expect(shown).not.toMatch(/canary|4711/);
    });

    it("may be encrypted, whatever form it has to have", () => {
      const draft = structuredClone(settings.plain);
      put(draft, keys, { secure: "v1:AAAA:BBBB" });
      const config = Object.fromEntries(Object.entries(draft).map(([key, value]) => [`homelab:${key}`, value]));
      const parsed = parseSettings(configOf(yaml.dump({ config }), "Pulumi.mine.yaml"));
      expect(secretsIn(parsed).filter(({ known }) => !known).length).toBe(1);
    });
  });
});

describe("a secret", () => {
  const schema = secret((require("zod") as typeof import("zod")).z.string().regex(/^s3:/, "must start with s3:"), { file: true });

  it("may be given plain, as a Secret, or as a file", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-secret-"));
    try {
      const file = path.join(folder, "key");
      fs.writeFileSync(file, "s3:hush", { mode: 0o600 });
      for (const given of ["s3:hush", new Secret("s3:hush"), { file }]) {
        expect(schema.parse(given).reveal()).toBe("s3:hush");
      }
      fs.writeFileSync(file, "x".repeat(300 * 1024));
      expect(schema.safeParse({ file }).error?.message).toContain("at most 256 KiB");
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
    expect(schema.safeParse({ file: "no/such/file" }).error?.message).toContain("no/such/file cannot (ENOENT)");
  });

  it("is checked inside", () => {
    expect(schema.safeParse("hush").error?.issues).toMatchObject([{ message: "must start with s3:", secret: true }]);
    expect(schema.parse(Secret.sealed()).known).toBe(false);
    expect(() => Secret.sealed().reveal()).toThrow("not known here");
  });
});

it("a setting that is no secret is not taken encrypted, and says so", () => {
  const text = yaml.dump({ config: { "homelab:environment": "sim", "homelab:network": { gateway: { secure: "v1:AAAA:BBBB" } } } });
  expect(() => parseSettings(configOf(text, "x"))).toThrow(/homelab:network\.gateway: is encrypted, and is no secret setting/);
});

it.each([
  ["an unknown tag", "config:\n  homelab:maasApiKey: !canary value\n"],
  ["an unknown alias", "config:\n  homelab:maasApiKey: *canary\n"],
  ["a key twice", "config:\n  canary: 1\n  canary: 2\n"],
])("YAML with %s is refused with its line and without its text", (_what, text) => {
  expect(() => configOf(text, "Pulumi.x.yaml")).toThrow(/not YAML: .*line \d/);
  expect(() => configOf(text, "Pulumi.x.yaml")).not.toThrow(/canary/);
});

describe("the fingerprint of a consent", () => {
  const withCommand = (command: unknown) => {
    const draft = structuredClone(settings.plain) as any;
    draft.machines[0].userData = { commands: [command] };
    return parseSettings(draft);
  };

  it("tells one secret of user data from another, and is the same however it is given", () => {
    const one = fingerprint(withCommand("join --token canary-one"), "node1");
    expect(one).toMatch(/^[0-9a-f]{8}$/);
    expect(fingerprint(withCommand("join --token canary-two"), "node1")).not.toBe(one);
    expect(fingerprint(withCommand(new Secret("join --token canary-one")), "node1")).toBe(one);
  });

  it("is not made up where a secret is not known", () => {
    expect(fingerprint(withCommand(Secret.sealed()), "node1")).toBeUndefined();
  });
});

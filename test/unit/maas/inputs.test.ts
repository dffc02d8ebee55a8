import * as fs from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { load } from "js-yaml";
import { MaasMachine } from "../../../components/maas/machine";
import { MaasRegion, type MaasRegionArgs } from "../../../components/maas/region";
import { machineArgs, regionArgs } from "../../../settings/args";
import { parseSettings } from "../../../settings/validate";
import { allRegistered, isSecret, recordResources, recordSent } from "../../support/mocks";
import { plainArgument } from "../../support/plain-arguments";

recordResources();
const sent = recordSent();

/** An output as a first preview has it of a resource that is not there. */
function unknown(): pulumi.Output<unknown> {
  const Output = pulumi.Output as unknown as new (...parts: unknown[]) => pulumi.Output<unknown>;
  const not = Promise.resolve(false);
  return new Output(new Set(), Promise.resolve(undefined), not, not, Promise.resolve(new Set()));
}

/** The arguments with `change` made to each value that may be an output. */
function withOutputs<T>(args: T, name: string, change: (value: unknown) => unknown): T {
  const leaves = (value: unknown, at: string): unknown => {
    if (Array.isArray(value)) {
      return value.map((each) => leaves(each, `${at}[]`));
    }
    if (value !== null && typeof value === "object") {
      const isMap = Object.getPrototypeOf(value) === Object.prototype;
      return isMap ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, leaves(each, `${at}.${key}`)])) : value;
    }
    // Below `*` of the list any key stands.
    const listed = plainArgument(at) ?? plainArgument(at.replace(/\.scripts\.[^.]+$/, ".scripts.*"));
    return value === undefined || listed ? value : change(value);
  };
  return leaves(args, name) as T;
}

const fixture = (name: string) =>
  parseSettings(load(fs.readFileSync(path.join(__dirname, `../../fixtures/settings/${name}.yaml`), "utf8")) as Record<string, unknown>);

/** A region and its machines with everything that there is, as the engine is sent them. */
async function registered(name: string, change: (value: unknown) => unknown): Promise<typeof sent> {
  const settings = fixture(name);
  sent.length = 0;
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const region = new MaasRegion("maas", withOutputs<MaasRegionArgs>(regionArgs(settings), "MaasRegionArgs", change));
  for (const machine of settings.machines) {
    const args = withOutputs(machineArgs(settings, machine), "MaasMachineArgs", change);
    new MaasMachine(machine.name, { ...args, region: region.access, deployKey }, { dependsOn: region });
  }
  await allRegistered();
  return [...sent].sort((a, b) => (a.name + a.type < b.name + b.type ? -1 : 1));
}

describe.each(["maas-physical", "maas-virtual"])("every argument of %s", (name) => {
  test("makes the same as an output, down to the bytes", async () => {
    const plain = await registered(name, (value) => value);
    expect(plain.length).toBeGreaterThan(20);
    expect(await registered(name, (value) => pulumi.output(value))).toEqual(plain);
  });

  test("may be unknown in a preview, and no step's text has a word of that", async () => {
    const known = await registered(name, (value) => value);
    const runtime = require("@pulumi/pulumi/runtime/settings");
    runtime._setIsDryRun(true);
    try {
      const resources = await registered(name, unknown);
      expect(resources.map((each) => each.name)).toEqual(known.map((each) => each.name));
      const text = JSON.stringify(resources);
      expect(text).not.toMatch(/\[unknown\]|undefined|Calling \[toString\]|\[object/);
      const steps = resources.flatMap(({ marked }) => (/step\.cjs/.test(marked.inputs?.create) ? [marked.inputs] : []));
      expect(steps.length).toBeGreaterThan(8);
      expect(steps.filter(({ environment }) => environment.MAAS_URL !== pulumi.runtime.unknownValue)).toEqual([]);
      // Each step has something that was unknown, but for those of what is named only.
      const stated = steps.filter(({ stdin }) => stdin !== pulumi.runtime.unknownValue && !isSecret(stdin));
      expect(stated.map(({ create }) => create.split(" ").at(-2)).filter((step) => !["group", "script", "ssh-key"].includes(step))).toEqual(
        [],
      );
    } finally {
      runtime._setIsDryRun(false);
    }
  });
});

test("a mistake in what is plain stops the program while the component is made", () => {
  const args = { ...regionArgs(fixture("maas-physical")), install: { channel: "3.7/stable" }, url: "maas.test/MAAS" };
  expect(() => new MaasRegion("wrong", args)).toThrow(/^url: is not a URL\n {2}found: {3}"maas\.test\/MAAS"/);
});

import * as pulumi from "@pulumi/pulumi";
import * as runtime from "@pulumi/pulumi/runtime/settings";
import { asPulumiConfig, stackSettings } from "./fixtures";
import { isSecret, type Registered, recordResources, recordSent } from "./mocks";

recordResources();
const sent: Registered[] = recordSent();

const canary = (name: string) => `canary-of-the-${name}`;
/** Plain, and as base64 would have it at each of three places. */
const forms = (name: string) => [
  canary(name),
  ...["", "x", "xx"].map((before) =>
    Buffer.from(before + canary(name))
      .toString("base64")
      .slice(4, -4),
  ),
];

/** Where a text stands in what the engine would write into the state in clear. */
function inClear(value: any, name: string, path: string): string[] {
  if (isSecret(value)) {
    return [];
  }
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([key, inner]) => [...inClear(key, name, path), ...inClear(inner, name, `${path}.${key}`)]);
  }
  return forms(name).some((form) => String(value).includes(form)) ? [path] : [];
}

beforeAll(async () => {
  const settings = stackSettings("sim");
  settings.machines[0].power = { type: "ipmi", parameters: { power_address: "192.168.200.90", power_pass: canary("power") } };
  settings.machines[0].userData = {
    files: [{ path: "/etc/app.conf", content: canary("file") }],
    commands: [canary("command"), ["join", canary("argument")]],
    bootCommands: [canary("boot-command")],
  };
  settings.machines[0].commissioning = {
    scripts: ["inventory"],
    parameters: { inventory: { token: canary("script-parameter") } },
  };
  settings.cluster = {
    ...settings.cluster,
    extraConfig: { server: { "etcd-s3-secret-key": canary("extra-config-server") }, agent: { "vpn-auth": canary("extra-config-agent") } },
  };
  pulumi.runtime.setAllConfig(asPulumiConfig({ ...settings, images: { taskd: "homelab.internal/taskd:1.1.0" } }), ["homelab:maasApiKey"]);
  const stack = require("../../../index") as Record<string, unknown>;
  await Promise.all(Object.values(stack).map((output) => new Promise((resolve) => pulumi.output(output as string).apply(resolve))));
  await (runtime as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
}, 120_000);

it.each(["power", "file", "command", "argument", "boot-command", "script-parameter", "extra-config-server", "extra-config-agent"])(
  "%s is nowhere in clear in the state",
  (name) => {
    expect(sent.length).toBeGreaterThan(20);
    expect(sent.flatMap((each) => inClear(each.inputs, name, `${each.type}::${each.name}`))).toEqual([]);
  },
);

it("reaches the resources that need it", () => {
  const everything = JSON.stringify(sent);
  for (const name of ["power", "file", "extra-config-server"]) {
    expect([name, forms(name).some((form) => everything.includes(form))]).toEqual([name, true]);
  }
});

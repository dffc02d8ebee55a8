import * as pulumi from "@pulumi/pulumi";
import { allRegistered, isSecret, recordResources, recordSent } from "../../support/mocks";
import { everySecret } from "../../support/secret-settings";
import { asPulumiConfig } from "./fixtures";

recordResources();
const sent = recordSent();

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

/** All that was sent, what is itself in base64 also decoded: files for machines travel so. */
const everything = () => {
  const text = JSON.stringify(sent);
  return text + (text.match(/[A-Za-z0-9+/]{24,}={0,2}/g) ?? []).map((part) => Buffer.from(part, "base64").toString("latin1")).join("\n");
};

const { plain, places: all } = everySecret(canary);
// The program reads an authority of your own, so that has to be a real one.
delete plain.taskServers.certificates;
const places = all.filter(({ name }) => name !== "authority-key");

beforeAll(async () => {
  const settings = {
    ...plain,
    images: { taskd: "homelab.internal/taskd:1.1.0", "taskchampion-sync-server": "homelab.internal/champion:1" },
  };
  pulumi.runtime.setAllConfig(asPulumiConfig(settings), ["homelab:maasApiKey"]);
  const stack = require("../../../index") as Record<string, unknown>;
  await Promise.all(Object.values(stack).map((output) => new Promise((resolve) => pulumi.output(output as string).apply(resolve))));
  await allRegistered();
}, 120_000);

describe.each(places.map(({ name }) => name))("the secret %s", (name) => {
  it("is nowhere in clear in what the engine is sent, which is what the state has", () => {
    expect(sent.length).toBeGreaterThan(20);
    expect(sent.flatMap((each) => inClear(each.marked, name, `${each.type}::${each.name}`))).toEqual([]);
  });

  it("reaches a resource that needs it", () => {
    expect(forms(name).some((form) => everything().includes(form))).toBe(true);
  });
});

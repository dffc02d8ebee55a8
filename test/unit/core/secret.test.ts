import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { canonical } from "../../../components/core/canonical";
import { Secret, type SecretInput } from "../../../components/core/secret";
import { secretOutput } from "../../../components/core/secret-output";

const canary = "canary-7d1f";
const secret = new Secret(canary);

const shown: [how: string, text: () => string][] = [
  ["a template", () => `${secret}`],
  ["joining", () => ["", secret].join("")],
  ["String", () => String(secret)],
  ["JSON", () => JSON.stringify({ deep: [secret] })],
  ["canonical JSON", () => canonical({ deep: secret })],
  ["inspect", () => inspect({ deep: secret }, { depth: null, showHidden: true })],
  ["its keys", () => JSON.stringify([Object.keys(secret), Object.getOwnPropertyNames(secret), Object.values(secret)])],
  ["a copy", () => JSON.stringify({ ...secret })],
  ["a clone", () => JSON.stringify(structuredClone(secret))],
  ["its source", () => inspect(Object.getOwnPropertyDescriptors(secret), { depth: null, showHidden: true })],
];

test.each(shown)("%s does not show a secret", (_how, text) => {
  expect(text()).not.toContain(canary);
});

test("says that there is one", () => {
  expect(`${secret} ${JSON.stringify(secret)} ${inspect(secret)}`).toBe('(secret) "(secret)" (secret)');
});

test("is revealed to who asks", () => {
  expect(secret.reveal()).toBe(canary);
  expect(secret.map((text) => text.length).reveal()).toBe(canary.length);
});

test("is known from another copy of the module", () => {
  jest.isolateModules(() => {
    const other = require("../../../components/core/secret") as typeof import("../../../components/core/secret");
    expect(other.Secret).not.toBe(Secret);
    expect(other.Secret.isInstance(secret)).toBe(true);
  });
  expect([undefined, null, canary, {}, [], pulumi.output(canary)].filter(Secret.isInstance)).toEqual([]);
});

test.each<[string, SecretInput]>([
  ["a Secret", secret],
  ["a secret output", pulumi.secret(canary)],
  ["a plain output", pulumi.output(canary)],
])("%s becomes a secret output", async (_what, value) => {
  const output = secretOutput(value);
  expect(await pulumi.isSecret(output)).toBe(true);
  expect(await (output as unknown as { promise(): Promise<string> }).promise()).toBe(canary);
});

test("a plain string is no secret argument", () => {
  // @ts-expect-error
  const wrong: SecretInput = canary;
  expect(wrong).toBe(canary);
});

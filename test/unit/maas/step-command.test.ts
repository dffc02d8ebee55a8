import type { Context } from "../../../components/maas/api/wait";
import { stepCommand } from "../../../components/maas/step-command";
import { stepNamed, stepNames } from "../../../components/maas/steps";
import { groupStep } from "../../../components/maas/steps/group";
import { defineStep } from "../../../components/maas/steps/step";
import { vmHostStep } from "../../../components/maas/steps/vm-host";
import { allRegistered, recordResources } from "../../support/mocks";

const seen = recordResources();
const maas = { url: "http://maas.test/MAAS", apiKey: "a:b:c" };

async function inputsOf(name: string): Promise<any> {
  await allRegistered();
  return seen.find((each) => each.name === name)?.inputs;
}

test("a step's resource follows from its definition: commands, triggers, mark and secrets apart from the desired state", async () => {
  const desired = { name: "loft", type: "lxd", address: "10.0.0.1:8443", tags: [] } as const;
  stepCommand(vmHostStep, "loft", { maas, desired, secrets: { password: "hush" } }, {});
  expect(await inputsOf("loft")).toMatchObject({
    create: expect.stringMatching(/step\.cjs vm-host create$/),
    update: expect.stringMatching(/step\.cjs vm-host update$/),
    delete: expect.stringMatching(/step\.cjs vm-host delete$/),
    stdin: '{"address":"10.0.0.1:8443","name":"loft","tags":[],"type":"lxd"}',
    triggers: ["loft", "lxd"],
    environment: {
      MAAS_URL: maas.url,
      MAAS_API_KEY: maas.apiKey,
      MAAS_STACK: "homelab/test",
      VM_HOST_SECRETS: '{"password":"hush"}',
    },
  });
});

test("a new step has what it names and nothing else", async () => {
  const wave = defineStep({
    name: "wave",
    title: ({ to }: { to: string }) => to,
    secrets: "MAAS_SECRETS",
    run: async (_context, { to }: { to: string }, _previous, secrets?: { word?: string }) => ({ said: `${secrets?.word} ${to}` }),
    read: { notCompared: "a question" },
  });
  stepCommand(wave, "wave", { maas, desired: { to: "sea" }, secrets: { word: "hello" }, triggers: ["tide"] }, {});
  const { triggers, environment } = await inputsOf("wave");
  expect([triggers, environment]).toEqual([["tide"], { MAAS_URL: maas.url, MAAS_API_KEY: maas.apiKey, MAAS_SECRETS: '{"word":"hello"}' }]);
});

test("what a step does not take does not compile", () => {
  const lock = { name: "lock", title: () => "lock", run: async (_context: Context, { name }: { name: string }) => name };
  const read = { notCompared: "a question" };
  // The compiler checks these; they are never run.
  const mistakes = [
    // @ts-expect-error there is no such kind
    () => stepCommand(groupStep, "planet", { maas, desired: { kind: "planet", name: "earth" } }, {}),
    // @ts-expect-error a name is missing
    () => stepCommand(groupStep, "nameless", { maas, desired: { kind: "zone" } }, {}),
    // @ts-expect-error a key is a field of the desired state
    () => defineStep({ ...lock, key: ["colour"], read }),
    // @ts-expect-error without read the reason has to be said
    () => defineStep(lock),
  ];
  expect(mistakes).toHaveLength(4);
  expect(defineStep({ ...lock, key: ["name"], read })).toMatchObject({ key: ["name"], read });
});

test("names are unique", () => {
  expect(new Set(stepNames).size).toBe(stepNames.length);
  expect(stepNames.map((name) => stepNamed(name)?.name)).toEqual(stepNames);
});

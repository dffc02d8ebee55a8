import { promiseHooks } from "node:v8";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Ingress, K3sCluster, MaasRegion, Monitoring, TaskServers } from "../../../components/index";
import { clusterArgs, monitoringArgs, regionArgs, taskServersArgs } from "../../../settings/args";
import { ingressArgs } from "../../../settings/ingress-args";
import { leanSdk } from "../../../settings/lean-sdk";
import { makeMachines } from "../../../settings/make-machines";
import { outputs } from "../../../settings/outputs";
import { parseSettings } from "../../../settings/validate";
import { allRegistered, recordResources, settled } from "../../support/mocks";
import { stackSettings } from "./fixtures";

const resources = recordResources();
leanSdk();

/** Promises that are made, and resources, for a lab of so many machines: nine tenths of what the program does and keeps. */
async function workFor(machines: number): Promise<{ promises: number; resources: number }> {
  const settings = parseSettings({
    ...stackSettings("sim"),
    images: {
      taskd: "homelab.internal/taskd:1.1.0",
      prometheus: "homelab.internal/prometheus:2.42.0",
      pause: "homelab.internal/pause:3.6",
    },
    machines: Array.from({ length: machines }, (_, index) => ({
      name: `node${index + 1}`,
      role: index === 0 ? "server" : "agent",
      macAddresses: [`52:54:00:c8:00:${index + 10}`],
      address: `192.168.200.${index + 21}`,
    })),
  });
  const before = resources.length;
  let promises = 0;
  const stop = promiseHooks.onInit(() => {
    promises++;
  }) as unknown as () => void;
  const region = new MaasRegion("maas", regionArgs(settings));
  const made = makeMachines(settings, region, {});
  const cluster = new K3sCluster("k3s", clusterArgs(settings, made));
  const tasks = new TaskServers("tasks", taskServersArgs(settings, cluster, made));
  const ingress = new Ingress("ingress", ingressArgs(settings, cluster));
  const parts = { region, machines: made, cluster, tasks, ingress };
  const monitoring = new Monitoring("monitoring", monitoringArgs(settings, parts));
  outputs({ settings, monitoring, ...parts });
  stop();
  await allRegistered();
  return { promises, resources: resources.length - before };
}

describe("a program of many machines", () => {
  it("makes as many promises for the sixteenth machine as for the fifth, and few for each", async () => {
    const [four, eight, sixteen] = [await workFor(4), await workFor(8), await workFor(16)];
    expect(eight.resources - four.resources).toBe(4 * 18);
    const [first, later] = [(eight.promises - four.promises) / 4, (sixteen.promises - eight.promises) / 8];
    expect(later).toBe(first);
    expect(later).toBeLessThan(8_000);
  });

  it("has the same value and secrecy in an output that is read before its resource is registered, or long after", async () => {
    const early = new random.RandomPassword("early", { length: 12, keepers: { key: pulumi.secret("value") } });
    const [result, keepers] = [settled(early.result), settled(early.keepers)];
    await allRegistered();
    const late = new random.RandomPassword("late", { length: 12, keepers: { key: pulumi.secret("value") } });
    await allRegistered();
    expect([await result, await keepers]).toEqual([
      { value: "password of early", secret: false },
      { value: { key: "value" }, secret: true },
    ]);
    expect([await settled(late.result), await settled(late.keepers), await settled(late.length)]).toEqual([
      { value: "password of late", secret: false },
      { value: { key: "value" }, secret: true },
      { value: 12, secret: false },
    ]);
    expect(late.result).toBe(late.result);
    expect(await settled(pulumi.output(late.result).apply(() => late))).toMatchObject({ value: late });
  });
});

import { ensure } from "../../../components/maas/steps/ensure";
import { groupStep } from "../../../components/maas/steps/group";
import { scriptStep } from "../../../components/maas/steps/script";
import { sshKeyStep } from "../../../components/maas/steps/ssh-key";
import { subnetStep } from "../../../components/maas/steps/subnet";
import { FakeMaas } from "./fake-maas";

/** Somebody else creates the same thing between the look and the creation. */
function raced(collection: string, object: object, listed = true): FakeMaas {
  const maas = new FakeMaas();
  let made = false;
  maas.intercept = ({ method, path }) => {
    if (method === "POST" && path === collection) {
      made = true;
      return { status: 400, json: { name: ["This already exists."] } };
    }
    if (method === "GET" && path.startsWith(collection)) {
      return listed ? { json: made ? [object] : [] } : made ? { json: object } : { status: 404, text: "not found" };
    }
    return undefined;
  };
  return maas;
}

test("a zone, a pool, a key or a script that is there by the time of its creation is taken, and not for this stack's", async () => {
  expect(await groupStep.run(raced("zones/", { id: 3, name: "az1" }).context, { kind: "zone", name: "az1" })).toEqual({
    id: 3,
    created: false,
  });
  expect(await groupStep.run(raced("resourcepools/", { id: 4, name: "gpu" }).context, { kind: "pool", name: "gpu" })).toEqual({
    id: 4,
    created: false,
  });
  const key = "ssh-ed25519 AAAA";
  expect(await sshKeyStep.run(raced("account/prefs/sshkeys/", { id: 5, key }).context, { key })).toEqual({ id: 5, created: false });
  const script = { id: 6, name: "46-mine", default: false, history: [{ id: 1, comment: "sha256:d1" }] };
  const desired = { name: "46-mine", type: "commissioning", content: "#!/bin/sh", digest: "d1" } as const;
  expect(await scriptStep.run(raced("scripts/", script, false).context, desired)).toMatchObject({ id: 6, created: false });
});

test("a subnet that is there by then is edited as one that was there before", async () => {
  const maas = raced("subnets/", { id: 7, cidr: "10.20.0.0/24", gateway_ip: null, dns_servers: [], vlan: { id: 1, fabric: "f", vid: 0 } });
  expect(await subnetStep.run(maas.context, { cidr: "10.20.0.0/24", dnsServers: [] })).toMatchObject({ id: 7, made: [] });
});

test("a refusal of something that is not there is thrown", async () => {
  const maas = new FakeMaas();
  maas.intercept = ({ method }) => (method === "POST" ? { status: 400, json: { name: ["is too long"] } } : { json: [] });
  const form = { name: "x" };
  const wanted = ensure(maas.context, {
    what: "x",
    find: async () => undefined,
    create: { path: "x/", form },
    path: () => "x/",
    now: () => ({}),
    wanted: {},
  });
  await expect(wanted).rejects.toThrow("too long");
});

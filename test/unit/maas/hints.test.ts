import { execute } from "../../../components/maas/run/program";
import { FakeMaas, MAC } from "./fake-maas";
import type { Seen } from "./support";

/** What MAAS answers where it cannot switch a machine, and what the user is told to look at. */
test.each([
  [503, "No rack controllers can access the BMC of node m1", /no rack controller is connected: .*rack-controllers read/],
  [503, "timed out", /BMC answers at its address, and its user and password, .*query-power-state m1/],
  [500, "Failed talking to node's BMC: password invalid", /BMC answers at its address, and its user and password, .*query-power-state m1/],
])("%d %s", async (status, text, hint) => {
  const maas = new FakeMaas();
  maas.add();
  maas.intercept = ({ path }: Seen) => (path.includes("op=commission") ? { status, text } : undefined);
  const desired = {
    name: "node1",
    macAddresses: [MAC],
    commissioningScripts: [],
    parameters: {},
    skipNetworking: false,
    skipStorage: false,
    skipBmcConfig: false,
    enableSsh: false,
    repair: { failedCommissioning: "refuse", broken: "refuse", rescue: "refuse" },
    limit: 600,
  };
  const printed: string[] = [];
  const access = { MAAS_URL: "http://maas.test/MAAS", MAAS_API_KEY: "a:b:c" };
  const { code } = await execute(["commission", "create"], JSON.stringify(desired), access, (line) => printed.push(line), {
    clock: maas.clock,
    fetch: maas.fetch,
  });
  expect(code).toBe(1);
  expect(printed.join("\n")).toContain(text);
  expect(printed.join("\n")).toMatch(hint);
});

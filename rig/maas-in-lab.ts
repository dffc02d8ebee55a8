import * as fs from "node:fs/promises";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import type { Hardware } from "./hardware";
import { createMaas, labProfile, type MaasSimulator, type RegionProfile } from "./maas";
import type { LabNetwork } from "./machines/bridge";
import { writeAtomically } from "./machines/state-file";

/** The simulated MAAS as the embedded lab has it. */
export interface MaasInLabOptions {
  state: string;
  hardware: Hardware;
  network: LabNetwork;
  /** Where it listens; the first is what machines are told. */
  addresses: readonly string[];
  port: number;
}

/** Starts MAAS's simulator above the hardware and leaves the administrator's API key in `<state>/api-key`. */
export async function startMaas({ state, hardware, network, addresses, port }: MaasInLabOptions): Promise<MaasSimulator> {
  const stateDirectory = path.join(state, "maas");
  await fs.mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const maas = createMaas({
    stateDirectory,
    hardware,
    profile: regionOf(network),
    metadataBase: `http://${addresses[0]}:${port}`,
  });
  await writeAtomically(path.join(state, "api-key"), `${maas.adminApiKey()}\n`);
  for (const address of addresses) {
    await maas.listen(address, port);
  }
  await maas.listenMetrics(addresses[0], metricsPorts(port));
  return maas;
}

/** Where the region's and the rack's own metrics are: as far from the API's port as a real MAAS has them, 5239 and 5249. */
export function metricsPorts(port: number): { region: number; rack: number } {
  return { region: port - 1, rack: port + 9 };
}

/** The region of a lab with this network: its one subnet, with the rack controller at the host's address. */
export function regionOf({ subnet, address }: Pick<LabNetwork, "subnet" | "address">): RegionProfile {
  const [, prefix] = ipaddr.IPv4.parseCIDR(subnet);
  const octets = ipaddr.IPv4.parse(address).octets;
  // The first ten addresses are left to people, as in labProfile; a network too small for that leaves two.
  const first = octets[3] + (prefix > 26 ? 2 : 10);
  return {
    ...labProfile,
    subnet: { ...labProfile.subnet, cidr: subnet, gateway: address },
    rack: { hostname: "rack-1", connected: true, ...labProfile.rack, address },
    firstAutoAddress: [...octets.slice(0, 3), first].join("."),
  };
}

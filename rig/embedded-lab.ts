import * as fs from "node:fs/promises";
import type * as http from "node:http";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { UserError } from "../components/core/user-error";
import { serveNames } from "./dns/server";
import { Zones } from "./dns/zones";
import { record, recordFile, runningLab } from "./lab-record";
import { metricsPorts, startMaas } from "./maas-in-lab";
import { bridgeOwner, createBridge, type LabNetwork, removeBridge } from "./machines/bridge";
import { closeFirewall, openFirewall } from "./machines/firewall";
import { checkHost } from "./machines/host-check";
import { KernelSettings } from "./machines/kernel-settings";
import { labsOnHost, ownerPrefix } from "./machines/labs-on-host";
import { labName, NspawnHardware, stopLeftMachines } from "./machines/nspawn-hardware";
import { startPackageProxy } from "./machines/package-proxy";
import { signal, waitForEnd } from "./machines/processes";
import { ensureRootFileSystem } from "./machines/root-file-system";
import { holdState } from "./machines/state-lock";
import { createMirror } from "./mirror/mirror";
import { publications } from "./mirror/publications";
import type { Profile } from "./profile";

/** What the embedded lab is told. */
export interface LabOptions {
  /** Folder for all state, including the machines' disks. */
  state: string;
  bridge: string;
  subnet: string;
  profile: Profile;
  maasPort: number;
  mirrorPort: number;
  log: (line: string) => void;
}

/** The running lab. */
export interface EmbeddedLab {
  url: string;
  mirror: string;
  /** Stops the machines and takes bridge, control groups and kernel settings away; disks and MAAS's database stay. */
  close(): Promise<void>;
}

/** The lab's network in the terms of its options: the host is the subnet's first address. */
export function networkOf({ state, bridge, subnet }: Pick<LabOptions, "state" | "bridge" | "subnet">): LabNetwork {
  const [network, prefix] = ipaddr.IPv4.isValidCIDR(subnet) ? ipaddr.IPv4.parseCIDR(subnet) : [undefined, 0];
  const octets = network ? ipaddr.IPv4.networkAddressFromCIDR(subnet).octets : [];
  if (!network || network.toString() !== octets.join(".") || prefix > 28 || prefix < 8) {
    throw new UserError({
      path: "--subnet",
      message: "not the address of a network that holds a lab",
      found: subnet,
      allowed: "a private IPv4 network of /8 to /28, such as 192.168.200.0/24",
    });
  }
  return { bridge, subnet, address: [...octets.slice(0, 3), octets[3] + 1].join("."), owner: `${ownerPrefix}${path.resolve(state)}` };
}

/** Starts everything, bottom up: network, kernel, MAAS's database, machines, HTTP. Throws `UserError` before anything is made. */
export async function startLab(options: LabOptions): Promise<EmbeddedLab> {
  const network = networkOf(options);
  const addresses = [network.address, "127.0.0.1"];
  const letGo = (await holdState(options.state)) ?? (await refuseSecond(options.state));
  const undo: (() => Promise<unknown>)[] = [letGo];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step();
    }
  };
  try {
    await removeDeadLabs(options);
    await checkHost(network, [
      ...addresses.flatMap((address) => [options.maasPort, options.mirrorPort].map((port) => ({ address, port }))),
      ...Object.values(metricsPorts(options.maasPort)).map((port) => ({ address: network.address, port })),
    ]);
    await fs.mkdir(options.state, { recursive: true, mode: 0o700 });
    undo.push(() => fs.rm(recordFile(options.state), { force: true }));
    await record(options.state, {});
    const rootFileSystem = await ensureRootFileSystem(options.log);
    undo.push(() => removeBridge(network));
    await createBridge(network);
    undo.push(() => closeFirewall(network.bridge));
    await openFirewall(network.bridge);
    const kernel = kernelSettings(options.state);
    undo.push(() => kernel.release());
    await kernel.apply();
    const mirror = createMirror(() => publications(options.log));
    undo.push(() => closeServer(mirror));
    await listen(mirror, network.address, options.mirrorPort);
    const proxy = await startPackageProxy({ address: network.address, cache: path.join(options.state, "packages") }).catch(
      (error: Error) => {
        options.log(`machines can install no packages: ${error.message}`);
      },
    );
    undo.push(async () => proxy?.close());
    const hardware = await NspawnHardware.open({
      packageProxy: proxy?.url,
      stateDirectory: options.state,
      profile: options.profile,
      rootFileSystem,
      network,
      log: options.log,
    });
    undo.push(() => hardware.close());
    const maas = await startMaas({ state: options.state, hardware, network, addresses, port: options.maasPort });
    undo.push(() => maas.close());
    const names = await serveNames(new Zones(maas.maas), network.address, 53).catch((error: Error) => {
      options.log(`names of machines are not answered: ${error.message}`);
    });
    undo.push(async () => names?.close());
    const endpoints = {
      url: `http://${network.address}:${options.maasPort}/MAAS`,
      mirror: `http://${network.address}:${options.mirrorPort}/`,
    };
    await record(options.state, endpoints);
    return { ...endpoints, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Removes what a lab has left that could not close itself, and stops it if it runs still. Disks and MAAS's database stay. Works
 * from what can be seen on the computer: the state folder may be gone.
 */
export async function cleanLab(options: Pick<LabOptions, "state" | "bridge" | "subnet" | "log">): Promise<void> {
  const running = await runningLab(options.state);
  if (running) {
    options.log(`the embedded lab runs still (process ${running.pid}): stopping it`);
    signal(running, "SIGTERM");
    if (!(await waitForEnd(running, 60_000))) {
      signal(running, "SIGKILL");
      await waitForEnd(running, 5_000);
    }
  }
  await stopLeftMachines(options.state, options.log);
  const network = networkOf(options);
  // Another lab may have the bridge's name by now, and needs its rules.
  if ([undefined, network.owner].includes(await bridgeOwner(options.bridge))) {
    await closeFirewall(options.bridge);
  }
  await removeBridge(network);
  await kernelSettings(options.state).release();
  await fs.rm(recordFile(options.state), { force: true });
}

/** Labs whose simulator and whose state folder are gone cannot be started or stopped by anybody any more. */
async function removeDeadLabs({ bridge, subnet, log }: Pick<LabOptions, "bridge" | "subnet" | "log">): Promise<void> {
  for (const lab of await labsOnHost()) {
    if (lab.bridge === bridge && !lab.folder && !lab.process) {
      log(`removing what is left of the lab ${lab.state}, whose folder is gone`);
      await cleanLab({ state: lab.state, bridge, subnet, log });
    }
  }
}

const kernelSettings = (state: string) => new KernelSettings(labName(state), path.resolve(state));

async function refuseSecond(state: string): Promise<never> {
  const running = await runningLab(state);
  throw new UserError({
    path: state,
    message: "an embedded lab runs with this state already",
    found: `${running ? `process ${running.pid}, ` : ""}${labName(state)}`,
    fix: "use that one, or stop it first ('./lab down')",
  });
}

function listen(server: http.Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port }, resolve);
  });
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

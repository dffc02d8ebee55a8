import * as fs from "node:fs/promises";
import * as net from "node:net";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { type Problem, UserError } from "../../components/core/user-error";
import { bridgeOwner, type LabNetwork, links } from "./bridge";
import { run } from "./commands";
import { describeLab, howToStop, type LabOnHost, labsOnHost, ownerPrefix } from "./labs-on-host";

/** Programs that the machines' power needs, and the Debian package of each. */
const programs: Record<string, string> = {
  "systemd-nspawn": "systemd-container",
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  mount: "mount",
};

/** Refuses, before anything is made, a computer on which the lab could not run. Throws `UserError` with all that is wrong. */
export async function checkHost(network: LabNetwork, listen: readonly { address: string; port: number }[]): Promise<void> {
  if (process.platform !== "linux") {
    throw new UserError({
      path: "this computer",
      message: "the embedded lab's machines need Linux",
      found: process.platform,
      allowed: "linux; on other systems use the devcontainer in .devcontainer/",
    });
  }
  const problems: Problem[] = [];
  if (process.getuid?.() !== 0) {
    problems.push({
      path: "this computer",
      message: "machines, bridges and mounts can be made by root only",
      found: `user id ${process.getuid?.()}`,
      fix: "run this as root (sudo)",
    });
  }
  for (const [program, debianPackage] of Object.entries(programs)) {
    if (!(await onPath(program))) {
      problems.push({ path: "this computer", message: `${program} is not installed`, fix: `apt-get install ${debianPackage}` });
    }
  }
  // Without these two there is nothing further to ask.
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  const labs = (await labsOnHost()).filter(({ state }) => `${ownerPrefix}${state}` !== network.owner);
  problems.push(...(await networkProblems(network, labs)), ...(await portProblems(listen, labs)));
  if (problems.length > 0) {
    throw new UserError(problems);
  }
}

async function onPath(program: string): Promise<boolean> {
  for (const folder of (process.env.PATH ?? "").split(":")) {
    const found = await fs.access(path.join(folder, program), fs.constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) {
      return true;
    }
  }
  return false;
}

/** The bridge's name must be free or ours, and nothing else on this computer may use addresses of the subnet. */
async function networkProblems({ bridge, subnet, owner }: LabNetwork, labs: readonly LabOnHost[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  const found = await bridgeOwner(bridge);
  if (found !== undefined && found !== owner) {
    const lab = labs.find(({ state }) => found === `${ownerPrefix}${state}`);
    problems.push({
      path: `network interface ${bridge}`,
      message: lab ? "it belongs to another embedded lab" : `there is a network interface ${bridge} already, and no lab has made it`,
      found: lab ? describeLab(lab) : bridge,
      fix: lab ? howToStop(lab) : `remove it if it is not needed: ip link delete ${bridge}`,
    });
  }
  for (const link of await links()) {
    for (const { family, local, prefixlen } of link.addr_info ?? []) {
      if (link.ifname !== bridge && family === "inet" && overlap(subnet, `${local}/${prefixlen}`)) {
        problems.push({
          path: `network ${subnet}`,
          message: `the lab's subnet ${subnet} is in use on ${link.ifname}`,
          found: `${link.ifname} with ${local}/${prefixlen}`,
          fix: `take that interface down while the embedded lab runs: ip link set ${link.ifname} down`,
        });
      }
    }
  }
  const routes: { dst: string; dev?: string }[] = JSON.parse((await run("ip", ["-json", "route", "show"])) || "[]");
  for (const { dst, dev } of routes) {
    const destination = dst.includes("/") ? dst : `${dst}/32`;
    if (dst !== "default" && dev !== bridge && problems.length === 0 && overlap(subnet, destination)) {
      problems.push({
        path: `network ${subnet}`,
        message: `the lab's subnet ${subnet} is reached through ${dev}, as a route of this computer says`,
        found: `${dst} dev ${dev}`,
        fix: `remove that route while the embedded lab runs: ip route delete ${dst} dev ${dev}`,
      });
    }
  }
  return problems;
}

/** Whether two IPv4 networks in CIDR notation share an address. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [ipaddr.IPv4.parseCIDR(one), ipaddr.IPv4.parseCIDR(other)];
  const bits = Math.min(a[1], b[1]);
  return a[0].match(b[0], bits);
}

async function portProblems(listen: readonly { address: string; port: number }[], labs: readonly LabOnHost[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  const other = labs.find(({ process }) => process !== undefined);
  for (const { address, port } of listen) {
    const error = await tryPort(address, port);
    // The bridge's own address is not there before the bridge is; nobody else can listen on it alone.
    if (error && error !== "EADDRNOTAVAIL") {
      problems.push({
        path: "this computer",
        message: `port ${port} is taken`,
        found: `${address}:${port}: ${error}`,
        fix: other ? `${describeLab(other)}. ${howToStop(other)}` : `stop what listens there ('ss -ltnp sport = :${port}' names it)`,
      });
    }
  }
  return problems;
}

function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

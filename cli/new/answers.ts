import ipaddr from "ipaddr.js";
import { UserError } from "../../components/core/user-error";
import { POWER_TYPES } from "../../settings/machines";
import type { MachineDraft } from "./discovery";
import { gatewayOf, type NewStack, withAddresses } from "./new-stack";

/** What was given on the command line. */
export interface Given {
  environment: NewStack["environment"];
  maasUrl?: string;
  subnet?: string;
  gateway?: string;
  dhcp?: boolean;
  machine?: string[];
  user: string;
}

/** Asks one question on a terminal; `otherwise` is what an empty answer means. */
export type Ask = (question: string, otherwise?: string) => Promise<string>;

const FORM = "NAME=MAC[@ADDRESS][,POWER[=BMC-ADDRESS]]";
const MACHINE = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)=((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})(?:@([0-9.]+))?(?:,([a-z0-9_]+)(?:=(\S+))?)?$/;

/** Of the power types that people at home have: where their controller is, and what is secret of it. */
const controllers: Record<string, { address: string; secrets: string[] }> = {
  amt: { address: "power_address", secrets: ["power_pass"] },
  ipmi: { address: "power_address", secrets: ["power_pass"] },
  redfish: { address: "power_address", secrets: ["power_pass"] },
  webhook: { address: "power_on_uri", secrets: [] },
  lxd: { address: "power_address", secrets: ["certificate", "key"] },
  virsh: { address: "power_address", secrets: ["power_pass"] },
  proxmox: { address: "power_address", secrets: ["power_token_secret"] },
};

function powerOf(type: string, controller: string | undefined, name: string): MachineDraft["power"] {
  if (!(POWER_TYPES as readonly string[]).includes(type)) {
    throw new UserError({
      path: "--machine",
      message: `unknown power type for ${name}`,
      found: type,
      allowed: POWER_TYPES.join(", "),
      fix: "use one of these; manual is for a machine without remote power control",
    });
  }
  const known = controllers[type];
  if (type === "manual" || controller === undefined) {
    return { type, ...(known ? { secrets: known.secrets } : {}) };
  }
  const parameters: Record<string, unknown> = { [known?.address ?? "power_address"]: controller };
  return { type, parameters, secrets: known?.secrets };
}

/** `node1=52:54:00:00:00:01@192.168.1.11,amt=192.168.1.21`, in the order given; the first machine is the server. */
export function machineOf(text: string, index: number): MachineDraft {
  const [, name, , mac, address, power = "manual", controller] = MACHINE.exec(text) ?? [];
  if (!name || !mac) {
    throw new UserError({
      path: "--machine",
      message: "not a machine",
      found: text,
      allowed: `${FORM}, such as node1=54:b2:03:aa:bb:01 or node1=54:b2:03:aa:bb:01@192.168.1.11,amt=192.168.1.21`,
      fix: "write it in that form; give the option once for each machine",
    });
  }
  return {
    index,
    name,
    role: index === 0 ? "server" : "agent",
    macAddresses: [mac.toLowerCase()],
    ...(address ? { address } : {}),
    power: powerOf(power, controller, name),
  };
}

async function askedMachines(ask: Ask): Promise<MachineDraft[]> {
  const machines: MachineDraft[] = [];
  for (;;) {
    const name = await ask(
      `Name of machine ${machines.length + 1}${machines.length === 0 ? " (the server)" : "; empty when that was all"}`,
      "",
    );
    if (name === "") {
      return machines;
    }
    const mac = await ask(`  MAC address of the network card that ${name} boots from`);
    const power = await ask(
      "  How is it switched on? manual, amt (Intel vPro), ipmi, redfish, webhook, or another of MAAS's power types",
      "manual",
    );
    const controller =
      power === "manual" ? "" : await ask(`  ${power === "webhook" ? "URL that switches it on" : "Address of its management controller"}`);
    machines.push(
      machineOf(`${name}=${mac}${power === "manual" ? "" : `,${power}${controller ? `=${controller}` : ""}`}`, machines.length),
    );
  }
}

function checkedSubnet(subnet: string): string {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(subnet) || ipaddr.IPv4.parseCIDR(subnet)[1] > 28) {
    throw new UserError({
      path: "--subnet",
      message: "not a usable IPv4 network",
      found: subnet,
      allowed: "a network of at least 14 hosts, such as 192.168.1.0/24",
      fix: "give the network that your machines are on",
    });
  }
  return subnet;
}

/**
 * Everything a new stack file needs: from the options, and from questions where there is a terminal.
 *
 * @throws UserError naming all that is missing where there is none
 */
export async function stackFrom(name: string, given: Given, ask: Ask | undefined): Promise<NewStack> {
  const missing = [
    ...(given.maasUrl ? [] : ["--maas-url http://ADDRESS:5240/MAAS"]),
    ...(given.subnet ? [] : ["--subnet 192.168.1.0/24"]),
    ...(given.machine?.length ? [] : [`--machine ${FORM}`]),
  ];
  if (!ask && missing.length > 0) {
    throw new UserError({
      path: `lab new ${name}`,
      message: "something is missing, and there is no terminal to ask on",
      found: `no value for ${missing.map((option) => option.split(" ")[0]).join(", ")}`,
      fix: `./lab new ${name} ${missing.join(" ")}`,
    });
  }
  const answer = async (value: string | undefined, question: string, otherwise?: string) =>
    value ?? (await (ask as Ask)(question, otherwise));
  const maasUrl = await answer(given.maasUrl, "Address of MAAS, for example http://192.168.1.5:5240/MAAS");
  const subnet = checkedSubnet(await answer(given.subnet, "Network of the machines, for example 192.168.1.0/24"));
  const gateway = given.gateway ?? (ask ? await ask("Address of the router on it", gatewayOf(subnet)) : gatewayOf(subnet));
  const dhcp =
    given.dhcp ?? (ask ? /^y/i.test(await ask("Shall MAAS serve DHCP there? Only if no other DHCP server does (yes/no)", "no")) : false);
  const drafts = given.machine?.length ? given.machine.map(machineOf) : await askedMachines(ask as Ask);
  if (drafts.length === 0) {
    throw new UserError({ path: "machines", message: "a lab needs at least one machine", fix: "give a name and a MAC address" });
  }
  const machines = withAddresses(drafts, subnet, gateway);
  return { name, environment: given.environment, maasUrl, subnet, gateway, dhcp, machines, user: given.user };
}

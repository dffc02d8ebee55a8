import { MaasClient } from "../../../components/maas/api/client";
import { type Machine, Status } from "../../../components/maas/api/types";
import type { Context } from "../../../components/maas/api/wait";
import { FakeClock, fakeFetch, type Reply, type Seen } from "./support";

export const MAC = "52:54:00:c8:00:01";
export const SUBNET = { id: 1, name: "lab", cidr: "192.168.200.0/24", vlan: { id: 5001 } };

/** Status after which another one follows by itself, with the milliseconds it takes. */
const FOLLOWS: Partial<Record<Status, [Status, number]>> = {
  [Status.Commissioning]: [Status.Ready, 90_000],
  [Status.Testing]: [Status.Ready, 30_000],
  [Status.Deploying]: [Status.Deployed, 240_000],
  [Status.Releasing]: [Status.Ready, 20_000],
  [Status.DiskErasing]: [Status.Releasing, 60_000],
};

/** As much of a region controller as the step logic needs; the simulator is held to the contract elsewhere. */
export class FakeMaas {
  readonly clock = new FakeClock();
  readonly machines = new Map<string, Machine>();
  readonly log: string[] = [];
  readonly fetch: typeof globalThis.fetch;
  readonly seen: Seen[];
  readonly context: Context;
  /** Comes before the real answer; undefined lets it happen. */
  intercept: (seen: Seen) => Reply | undefined = () => undefined;
  follows = { ...FOLLOWS };
  powerParameters: Record<string, string> = {};
  private since = new Map<string, number>();

  constructor() {
    const { fetch, seen } = fakeFetch((request) => this.intercept(request) ?? this.answer(request));
    this.fetch = fetch;
    this.seen = seen;
    const log = (line: string) => this.log.push(line);
    const client = new MaasClient({ url: "http://maas.test/MAAS", apiKey: "a:b:c", fetch, clock: this.clock, log });
    this.context = { client, clock: this.clock, log };
  }

  /** A machine that is in MAAS already. */
  add(fields: Partial<Machine> = {}): Machine {
    const systemId = `m${this.machines.size + 1}`;
    const card = { id: 7, name: "eth0", mac_address: MAC, links: [], vlan: { id: 5001 } };
    const machine = {
      system_id: systemId,
      hostname: "found",
      architecture: "amd64/generic",
      description: "",
      status: Status.New,
      status_message: null,
      error_description: "",
      owner: null,
      owner_data: {},
      locked: false,
      swap_size: null,
      power_type: "manual",
      osystem: "",
      distro_series: "",
      hwe_kernel: null,
      ip_addresses: [],
      tag_names: [],
      zone: { name: "default" },
      pool: { name: "default" },
      domain: { name: "maas" },
      boot_interface: card,
      interface_set: [card],
      commissioning_status_name: "Unknown",
      testing_status_name: "Unknown",
      ...fields,
    } as unknown as Machine;
    this.machines.set(systemId, machine);
    this.enter(machine, machine.status);
    return machine;
  }

  /** Calls that changed something, as `POST machines/m1/?op=deploy`. */
  get writes(): string[] {
    return this.seen.filter((each) => each.method !== "GET").map((each) => `${each.method} ${each.path}`);
  }

  private enter(machine: Machine, status: Status): void {
    machine.status = status;
    machine.status_name = Status[status].replace(/(?!^)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
    this.since.set(machine.system_id, this.clock.now());
    if (status === Status.Ready) {
      machine.commissioning_status_name = "Passed";
      machine.owner = null;
      machine.owner_data = {};
    }
    if (status === Status.Deploying) {
      machine.ip_addresses = [machine.boot_interface?.links[0]?.ip_address ?? "192.168.200.11"];
    }
  }

  private advance(): void {
    for (const machine of this.machines.values()) {
      const [next, takes] = this.follows[machine.status] ?? [];
      if (next !== undefined && takes !== undefined && this.clock.now() - (this.since.get(machine.system_id) ?? 0) >= takes) {
        this.enter(machine, next);
      }
    }
  }

  /** What MAAS does and answers. */
  answer({ method, path, form }: Seen): Reply {
    this.advance();
    const url = new URL(path, "http://x/");
    const op = url.searchParams.get("op");
    const fields = Object.fromEntries(form);
    const [kind, id] = url.pathname.split("/").filter(Boolean);
    if (kind === "events") {
      return { json: { events: [] } };
    }
    if (kind === "users") {
      return { json: { username: "admin" } };
    }
    if (kind === "subnets") {
      return { json: [SUBNET] };
    }
    if (kind === "tags") {
      return this.tags(id, op, fields);
    }
    if (kind === "nodes") {
      return this.node(id, op, fields, url.pathname);
    }
    if (kind === "machines" && !id) {
      return this.collection(method, op, fields, url.searchParams.get("mac_address"));
    }
    const machine = this.machines.get(id);
    return machine ? this.machine(machine, method, op, fields) : { status: 404, text: "No Machine matches the given query." };
  }

  private collection(method: string, op: string | null, fields: Record<string, string>, mac: string | null): Reply {
    if (method === "GET") {
      return {
        json: [...this.machines.values()].filter((each) => mac === null || each.interface_set.some((card) => card.mac_address === mac)),
      };
    }
    if (op === "allocate") {
      const machine = this.machines.get(fields.system_id);
      if (machine?.status !== Status.Ready) {
        return { status: 409, text: `No machine with system ID ${fields.system_id} available.` };
      }
      this.enter(machine, Status.Allocated);
      machine.owner = "admin";
      return { json: machine };
    }
    return { json: this.add({ hostname: fields.hostname, description: fields.description, power_type: fields.power_type }) };
  }

  private machine(machine: Machine, method: string, op: string | null, fields: Record<string, string>): Reply {
    if (method === "DELETE") {
      this.machines.delete(machine.system_id);
      return { status: 204 };
    }
    if (method === "PUT") {
      Object.assign(machine, fields);
      return { json: machine };
    }
    switch (op) {
      case null:
        break;
      case "power_parameters":
        return { json: this.powerParameters };
      case "commission":
        // The form of MAAS offers its actions by the machine's state.
        if (machine.status === Status.FailedTesting) {
          return { status: 400, json: { __all__: ["Commission is not available because of the current state of the node."] } };
        }
        this.enter(machine, Status.Commissioning);
        break;
      case "deploy":
        if (machine.status !== Status.Allocated) {
          return { status: 409, text: `Can't deploy a machine that is in the '${machine.status_name}' state` };
        }
        Object.assign(machine, { osystem: "ubuntu", distro_series: fields.distro_series ?? "noble", hwe_kernel: "ga-24.04" });
        this.enter(machine, Status.Deploying);
        break;
      case "release":
        this.enter(machine, fields.erase === "true" ? Status.DiskErasing : Status.Releasing);
        break;
      case "override_failed_testing":
        this.enter(machine, Status.Ready);
        break;
      case "mark_fixed":
        this.enter(machine, Status.Ready);
        break;
      case "restore_networking_configuration":
      case "restore_storage_configuration":
      case "restore_default_configuration":
        break;
      case "set_owner_data":
        Object.assign(machine.owner_data, fields);
        break;
      default:
        return { status: 400, text: `Unrecognised signature: method=${method} op=${op}` };
    }
    return { json: machine };
  }

  private tags(name: string | undefined, op: string | null, fields: Record<string, string>): Reply {
    if (op === "update_nodes") {
      const machine = this.machines.get(fields.add ?? fields.remove);
      if (machine) {
        machine.tag_names = fields.add ? [...machine.tag_names, name as string] : machine.tag_names.filter((each) => each !== name);
      }
      return { json: { added: 1, removed: 0 } };
    }
    return op === null && name ? { status: 404, text: "No Tag matches the given query." } : { json: {} };
  }

  private node(id: string, op: string | null, fields: Record<string, string>, path: string): Reply {
    const machine = this.machines.get(id);
    const card = machine?.interface_set[0];
    if (!machine || !card || path.includes("/results/")) {
      return { status: 400, text: "No current commissioning script set exists for this node." };
    }
    if (op === "disconnect") {
      Object.assign(card, { links: [], discovered: null });
    } else if (op === "unlink_subnet") {
      card.links = card.links.filter((link) => String(link.id) !== fields.id);
    } else if (op === "link_subnet") {
      card.links = [{ id: 1, mode: fields.mode.toLowerCase() as "static", ip_address: fields.ip_address }];
    }
    return { json: card };
  }
}

/**
 * Faults on demand: `POST /sim/faults` with one fault as JSON, `GET /sim/faults`, `DELETE /sim/faults` (all) or
 * `DELETE /sim/faults/ID`, from this computer and with the administrator's API key; see `control.ts`.
 *
 *   {"kind": "slow", "seconds": 2, "path": "machines"}      requests whose path contains `path` are held back
 *   {"kind": "error", "status": 503, "path": "machines"}    they are answered with that status, before anything is done
 *   {"kind": "lost-answer", "path": "op=deploy"}            the work is done, then answered with a 504
 *   {"kind": "drop", "path": "machines"}                    the connection is cut, before anything is done
 *   {"kind": "commissioning" | "testing" | "deployment" | "erasing", "machine": "m1", "message": "…"}   it fails
 *   {"kind": "stuck", "phase": "commissioning" | "deployment", "machine": "m1"}   it never ends
 *   {"kind": "power", "machine": "m1", "message": "…"}       the BMC refuses
 *   {"kind": "other-address", "machine": "m1", "address": "192.168.200.77"}   it comes back with another address
 *   {"kind": "no-rack"}                                     no rack controller is connected
 *   {"kind": "vm-host", "machine": "host1", "message": "…"}  the VM host of that name does not answer
 *
 * `method` narrows a fault to one HTTP method, `times` (default: for ever) wears it out. `machine` is a hostname,
 * system id or MAC address; without it every machine is meant.
 */
import { PowerError } from "../hardware";
import type { NodeNetwork } from "./machine/network";
import type { Node } from "./state/model";
import type { World } from "./world";

export const faultKinds = [
  "slow",
  "error",
  "lost-answer",
  "drop",
  "commissioning",
  "testing",
  "deployment",
  "erasing",
  "stuck",
  "power",
  "other-address",
  "no-rack",
  "vm-host",
] as const;

export interface Fault {
  id: number;
  kind: (typeof faultKinds)[number];
  path?: string;
  method?: string;
  status?: number;
  seconds?: number;
  machine?: string;
  phase?: string;
  message?: string;
  address?: string;
  times?: number;
}

export class Faults {
  private list: Fault[] = [];
  private nextId = 1;

  constructor(private readonly maas: World & { network: NodeNetwork }) {}

  all(): Fault[] {
    return this.list;
  }

  /** Throws with what is wrong where the fault makes no sense. */
  add(given: Omit<Fault, "id">): Fault {
    if (!faultKinds.includes(given.kind))
      throw new Error(`kind: found ${JSON.stringify(given.kind)}, allowed are ${faultKinds.join(", ")}`);
    if (given.kind === "slow" && !(Number(given.seconds) > 0)) throw new Error("seconds: a slow fault needs a number above 0");
    if (given.kind === "error" && !(Number(given.status) >= 400))
      throw new Error("status: an error fault needs an HTTP status of 400 or more");
    if (given.kind === "stuck" && given.phase !== "commissioning" && given.phase !== "deployment")
      throw new Error("phase: a stuck fault needs commissioning or deployment");
    const fault = { ...given, id: this.nextId++ };
    this.list.push(fault);
    return fault;
  }

  remove(id?: number): void {
    this.list = id === undefined ? [] : this.list.filter((fault) => fault.id !== id);
  }

  private use(fault: Fault): Fault {
    if (fault.times !== undefined) {
      fault.times -= 1;
      if (fault.times <= 0) this.remove(fault.id);
    }
    return fault;
  }

  /** The fault that this request runs into. */
  forRequest(method: string, url: string): Fault | undefined {
    const kinds = ["slow", "error", "lost-answer", "drop"];
    const fault = this.list.find(
      (row) => kinds.includes(row.kind) && (!row.method || row.method === method) && url.includes(row.path ?? ""),
    );
    return fault && this.use(fault);
  }

  private forMachine(node: Node, match: (fault: Fault) => boolean): Fault | undefined {
    const macs = this.maas.network.interfacesOf(node).map((card) => card.macAddress);
    const fault = this.list.find(
      (row) => match(row) && (!row.machine || [node.hostname, node.systemId, ...macs].includes(row.machine.toLowerCase())),
    );
    return fault && this.use(fault);
  }

  failure(node: Node, phase: Fault["kind"]): string | undefined {
    const fault = this.forMachine(node, (row) => row.kind === phase);
    return fault && (fault.message ?? `${phase} failed: a fault was injected`);
  }

  isStuck(node: Node, phase: string): boolean {
    return this.forMachine(node, (row) => row.kind === "stuck" && row.phase === phase) !== undefined;
  }

  otherAddress(node: Node): string | undefined {
    return this.forMachine(node, (row) => row.kind === "other-address")?.address;
  }

  beforePower(node: Node, what: "on" | "off"): void {
    const fault = this.forMachine(node, (row) => row.kind === "power");
    if (fault) throw new PowerError(fault.message ?? `the BMC did not answer the power ${what} command: a fault was injected`);
  }

  /** Why a VM host cannot be asked. */
  vmHost(name: string): string | undefined {
    const fault = this.list.find((row) => row.kind === "vm-host" && (!row.machine || row.machine === name));
    return fault && (this.use(fault).message ?? `Failed to connect to the VM host ${name}: a fault was injected`);
  }

  noRack(): boolean {
    return this.list.some((row) => row.kind === "no-rack");
  }
}

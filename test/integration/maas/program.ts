import { loadSettings } from "../../../components/settings/load";
import { maasMachines } from "../../../environments/maas-machines";

/** The machines of a stack and nothing that comes after them. */
const machines = maasMachines(loadSettings());

export const addresses = Object.fromEntries(machines.map((machine) => [machine.name, machine.address]));

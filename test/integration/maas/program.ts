import { guards } from "../../../components/guards/guards";
import { maasMachines } from "../../../environments/maas-machines";
import { loadSettings } from "../../../settings/load";

/** The machines of a stack and nothing that comes after them. */
const settings = loadSettings();
const { machines, region } = maasMachines(settings, { transformations: guards(settings) });

export const addresses = Object.fromEntries(machines.map((machine) => [machine.name, machine.address]));

export const apiKey = region?.apiKey;

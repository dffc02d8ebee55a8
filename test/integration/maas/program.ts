import { guards, MaasRegion } from "../../../components/index";
import { guardArgs, regionArgs } from "../../../settings/args";
import { loadSettings } from "../../../settings/load";
import { makeMachines } from "../../../settings/make-machines";

/** The machines of a stack and nothing that comes after them. */
const settings = loadSettings();
const options = { transformations: guards(guardArgs(settings)) };
const region = new MaasRegion("maas", regionArgs(settings), options);
const machines = makeMachines(settings, region, options);

export const addresses = Object.fromEntries(machines.map((machine) => [machine.name, machine.address]));

export const apiKey = settings.maasApiKey ? undefined : region.apiKey;

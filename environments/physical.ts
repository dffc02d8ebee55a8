import type { Environment } from "./environment";
import { maasMachines } from "./maas-machines";

/** Machines of flesh and blood: enlisted in MAAS by MAC address, switched on by their BMC or by hand. */
export const physical: Environment = maasMachines;

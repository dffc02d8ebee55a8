import type { Environment } from "./environment";
import { maasMachines } from "./maas-machines";

/** Virtual machines on a VM host that MAAS drives (power types lxd and virsh). */
export const vm: Environment = maasMachines;

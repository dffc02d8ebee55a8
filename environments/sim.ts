import type { Environment } from "./environment";
import { maasMachines } from "./maas-machines";

/**
 * The embedded lab. Its simulator speaks MAAS's API and its machines boot, so nothing is left to do differently: that
 * this file is one line is what makes a run in the simulator mean something.
 */
export const sim: Environment = maasMachines;

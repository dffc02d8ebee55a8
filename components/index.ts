/** What `index.ts` and the environments use of the components. */
export { guards } from "./guards/guards";
export { type Images, imagesOf } from "./images";
export { K3sCluster, type K3sClusterArgs } from "./k3s/k3s-cluster";
export { otherMachines } from "./maas/other-machines";
export { MaasRegion, type MaasRegionArgs } from "./maas/region";
export type { MachineAccess, MachineRole } from "./machine-access";
export { Monitoring } from "./monitoring/monitoring";
export { outputs } from "./outputs";
export { formatProblem, isUserError, type Problem, UserError } from "./settings/errors";
export { loadSettings } from "./settings/load";
export type { Settings } from "./settings/schema";
export { parseSettings } from "./settings/validate";
export { TaskServers } from "./taskserver/task-servers";

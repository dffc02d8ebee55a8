/** What `index.ts` and the environments use of the components. */

export { loadSettings } from "../settings/load";
export { outputs } from "../settings/outputs";
export type { Settings } from "../settings/schema";
export { parseSettings } from "../settings/validate";
export { type Images, imagesOf } from "./core/images";
export type { MachineAccess, MachineRole } from "./core/machine-access";
export { formatProblem, isUserError, type Problem, UserError } from "./core/user-error";
export { guards } from "./guards/guards";
export type { K3sClusterArgs } from "./k3s/args";
export { K3sCluster } from "./k3s/k3s-cluster";
export { otherMachines } from "./maas/other-machines";
export { MaasRegion, type MaasRegionArgs } from "./maas/region";
export { Monitoring } from "./monitoring/monitoring";
export { TaskServers } from "./taskserver/task-servers";

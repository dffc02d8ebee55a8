/** Node status numbers, their labels, and the transitions that MAAS allows. */
import { conflict } from "../http/answers";
import type { Node } from "../state/model";

export const Status = {
  New: 0,
  Commissioning: 1,
  FailedCommissioning: 2,
  Missing: 3,
  Ready: 4,
  Reserved: 5,
  Deployed: 6,
  Retired: 7,
  Broken: 8,
  Deploying: 9,
  Allocated: 10,
  FailedDeployment: 11,
  Releasing: 12,
  FailedReleasing: 13,
  DiskErasing: 14,
  FailedDiskErasing: 15,
  RescueMode: 16,
  EnteringRescueMode: 17,
  FailedEnteringRescueMode: 18,
  ExitingRescueMode: 19,
  FailedExitingRescueMode: 20,
  Testing: 21,
  FailedTesting: 22,
} as const;

const labels = [
  "New",
  "Commissioning",
  "Failed commissioning",
  "Missing",
  "Ready",
  "Reserved",
  "Deployed",
  "Retired",
  "Broken",
  "Deploying",
  "Allocated",
  "Failed deployment",
  "Releasing",
  "Releasing failed",
  "Disk erasing",
  "Failed disk erasing",
  "Rescue mode",
  "Entering rescue mode",
  "Failed to enter rescue mode",
  "Exiting rescue mode",
  "Failed to exit rescue mode",
  "Testing",
  "Failed testing",
];
export const statusName = (status: number) => labels[status] ?? String(status);

/** Names for the `status` filter of listings. */
const filterNames = [
  "new",
  "commissioning",
  "failed_commissioning",
  "missing",
  "ready",
  "reserved",
  "deployed",
  "retired",
  "broken",
  "deploying",
  "allocated",
  "failed_deployment",
  "releasing",
  "releasing_failed",
  "disk_erasing",
  "failed_disk_erasing",
  "rescue_mode",
  "entering_rescue_mode",
  "failed_entering_rescue_mode",
  "exiting_rescue_mode",
  "failed_exiting_rescue_mode",
  "testing",
  "failed_testing",
];
export const statusByFilterName = (name: string) => filterNames.indexOf(name.toLowerCase());

const transitions: Record<number, number[]> = {
  0: [1, 21, 3, 4, 7, 8, 17],
  1: [2, 4, 7, 3, 0, 8, 21],
  2: [1, 3, 7, 8, 17, 21],
  3: [0, 4, 10, 1, 8, 17, 21],
  4: [17, 1, 10, 5, 7, 3, 8, 21],
  5: [4, 10, 7, 3, 8, 14, 12, 17, 21],
  6: [10, 3, 8, 4, 14, 12, 17, 21],
  7: [0, 4, 3, 8, 17, 21],
  8: [1, 4, 14, 12, 17, 21, 6],
  9: [10, 3, 8, 11, 6, 4, 14, 12],
  10: [4, 7, 3, 8, 9, 14, 12, 17, 21],
  11: [10, 3, 8, 4, 14, 12, 17, 21],
  12: [0, 10, 5, 6, 4, 8, 3, 11, 15, 13],
  13: [12, 14, 4, 8, 21],
  14: [8, 14, 15, 4, 12],
  15: [14, 12, 8, 10, 4, 17, 21],
  16: [8, 19, 21],
  17: [4, 8, 6, 16, 18, 19],
  18: [8, 17, 19, 21],
  19: [0, 8, 2, 4, 5, 10, 11, 6, 3, 7, 13, 15, 16, 18, 20, 22],
  20: [8, 19, 21],
  21: [8, 0, 4, 5, 10, 6, 1, 3, 7, 11, 13, 15, 18, 20, 22],
  22: [1, 8, 3, 17, 21, 4, 6],
};

/** Changes the status, or throws the 409 that MAAS answers. */
export function changeStatus(node: Node, status: number): void {
  if (node.status === status) return;
  if (!transitions[node.status]?.includes(status))
    throw conflict(`Invalid transition: ${statusName(node.status)} -> ${statusName(status)}.`);
  // Rescue mode is a detour: what counts is where the machine came from before it.
  const detour: number[] = [Status.RescueMode, Status.ExitingRescueMode, Status.FailedEnteringRescueMode, Status.FailedExitingRescueMode];
  if (!detour.includes(status)) node.previousStatus = node.status;
  node.status = status;
}

const inUse: number[] = [
  Status.Allocated,
  Status.Deploying,
  Status.Deployed,
  Status.FailedDeployment,
  Status.Releasing,
  Status.FailedReleasing,
  Status.DiskErasing,
  Status.FailedDiskErasing,
  Status.RescueMode,
  Status.EnteringRescueMode,
  Status.FailedEnteringRescueMode,
  Status.ExitingRescueMode,
  Status.FailedExitingRescueMode,
  Status.Testing,
  Status.FailedTesting,
];

/** Whether file systems are shown: always, except where a machine is in a status of use without anybody having acquired it. */
export const acquiredFilesystems = (node: Node) => !inUse.includes(node.status) || node.acquired;

export const releasable: number[] = [
  Status.Allocated,
  Status.Reserved,
  Status.Broken,
  Status.Deploying,
  Status.Deployed,
  Status.FailedDeployment,
  Status.FailedDiskErasing,
  Status.FailedReleasing,
];
export const commissionable: number[] = [Status.New, Status.FailedCommissioning, Status.Ready, Status.Broken];

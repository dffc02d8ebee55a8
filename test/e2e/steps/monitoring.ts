import type { TestLab } from "../support/lab";

/** What the monitoring of a lab that is up must show. */
export function monitoringSteps(_lab: TestLab): void {}

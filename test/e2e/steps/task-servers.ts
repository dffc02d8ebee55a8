import type { TestLab } from "../support/lab";

/** What the task servers of a lab that is up must do for their clients. */
export function taskServerSteps(_lab: TestLab): void {}

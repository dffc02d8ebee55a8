import { UserError } from "../../components/core/user-error";
import type { LabStatus } from "../live/summary";
import { unwell } from "../live/well";

/** Refuses what takes nodes down one after another while something is wrong already. */
export function refuseUnwell(status: LabStatus, path: string, what: string): void {
  const wrong = unwell(status);
  if (wrong.length > 0) {
    throw new UserError({
      path,
      message: `the lab is not well, and ${what} starts from one that is:\n${wrong.map((each) => `  ${each}`).join("\n")}`,
      fix: "fix that first; './lab status' says more",
    });
  }
}

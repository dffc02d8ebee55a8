import * as path from "node:path";

/** The folder this file's checkout lives in. */
export const checkout = path.resolve(__dirname, "..");

/** Where one lab keeps its state: `LAB_STATE`, or `.lab` in the checkout. Tests use a folder of their own. */
export const stateDirectory = process.env.LAB_STATE ? path.resolve(process.env.LAB_STATE) : path.join(checkout, ".lab");

const inState = (...parts: string[]): string => path.join(stateDirectory, ...parts);

export const paths = {
  state: stateDirectory,
  pulumiHome: inState("pulumi-home"),
  backend: inState("state"),
  passphrase: inState("passphrase"),
  stacks: inState("stacks"),
  bin: inState("bin"),
  logs: inState("logs"),
  simulator: inState("sim"),
  simulatorLog: inState("logs", "sim.log"),
  simulatorPid: inState("sim", "daemon.json"),
} as const;

/**
 * The settings file of a stack that is kept in the repository. `LAB_SIM_SETTINGS` names another one for `sim`, for a lab
 * with other machines beside the committed one.
 */
export function settingsFile(stack: string): string {
  const other = stack === "sim" ? process.env.LAB_SIM_SETTINGS : undefined;
  return other === undefined ? path.join(checkout, `Pulumi.${stack}.yaml`) : path.resolve(other);
}

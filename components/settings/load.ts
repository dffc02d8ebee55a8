import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./schema";
import { parseSettings, readConfig } from "./validate";

/**
 * The stack's settings, typed, with defaults, checked as a whole before any resource is made.
 *
 * @throws UserError naming every path that is wrong, what was found and what to do.
 */
export function loadSettings(): Settings {
  return parseSettings(readConfig(pulumi.runtime.allConfig()));
}

import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../components/core/user-error";
import { withInventory } from "./inventory";
import type { Settings } from "./schema";
import { parseSettings, readConfig } from "./validate";

const API_KEY = "homelab:maasApiKey";
/** There at run time, and missing from the SDK's types. */
const { isConfigSecret } = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };

/**
 * The stack's settings, typed, with defaults, checked as a whole before any resource is made.
 *
 * @throws UserError naming every path that is wrong, what was found and what to do.
 */
export function loadSettings(): Settings {
  const config = pulumi.runtime.allConfig();
  if (config[API_KEY] && isConfigSecret?.(API_KEY) === false) {
    throw new UserError({
      path: API_KEY,
      message: "is a secret, but the stack file holds it in plain text",
      fix: `give it with pulumi config set --secret ${API_KEY}; where others have seen it, make another one in MAAS`,
    });
  }
  // The engine starts the program in the folder of Pulumi.yaml.
  const { raw, origins } = withInventory(readConfig(config), process.cwd());
  return parseSettings(raw, origins);
}

import type { Settings } from "../components";
import type { Environment } from "./environment";
import { physical } from "./physical";
import { sim } from "./sim";
import { vm } from "./vm";

/** By the names that `homelab:environment` takes. */
export const environments: Record<Settings["environment"], Environment> = { physical, vm, sim };

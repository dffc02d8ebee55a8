import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema";
import { enforcement } from "./policy";
import { protection } from "./protection";

/** Protection and policies, as `transformations` of the components of a program. */
export function guards(settings: Settings): pulumi.ResourceTransformation[] {
  return [enforcement(settings.waivers), protection(settings)];
}

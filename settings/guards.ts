import { z } from "zod";
import { POLICIES } from "../components/core/policy-names";

/** `homelab:protect`: machines and volumes are neither reinstalled nor deleted without a consent. */
export const protectSetting = z
  .union([
    z.boolean(),
    // The engine hands single values over as text.
    z.enum(["true", "false"]).transform((text) => text === "true"),
  ])
  .default(true);

/** `homelab:consent`: by the name of a machine or volume, the fingerprint that `lab report` shows for this very change. */
export const consentSettings = z.record(
  z.string(),
  z.string().regex(/^[0-9a-f]{8}$/, "must be the eight characters that `lab report` shows for this change"),
);

/** `homelab:waivers`: by policy, the resources that need not keep it. */
export const waiversSettings = z.strictObject(
  Object.fromEntries(POLICIES.map((policy) => [policy, z.array(z.string().min(1)).optional()])) as Record<
    (typeof POLICIES)[number],
    z.ZodOptional<z.ZodArray<z.ZodString>>
  >,
);

import { z } from "zod";
import type { PolicyName } from "../components/core/policy-names";

/** `homelab:protect`: machines and volumes are neither reinstalled nor deleted without a consent. */
export const protectSetting = z
  .union([
    z.boolean(),
    // The engine hands single values over as text.
    z.enum(["true", "false"]).transform((text) => text === "true"),
  ])
  .default(true)
  .describe(
    "Protection of machines and volumes: changes that lose data need a consent. Turn it off for labs that may be reinstalled any time.",
  );

/** `homelab:consent`: by the name of a machine or volume, the fingerprint that `lab report` shows for this very change. */
export const consentSettings = z
  .record(z.string(), z.string().regex(/^[0-9a-f]{8}$/, "must be the eight characters that `lab report` shows for this change"))
  .default({})
  .describe(
    'Consents to lose data, fingerprint by machine or volume, such as {node2: "1a2b3c4d"}. `lab report` shows them; each fits one change.',
  );

const waived = (what: string) => z.array(z.string().min(1)).optional().describe(`Resources that ${what}, such as [tasks-taskd].`);

/** `homelab:waivers`: by policy, the resources that need not keep it. */
export const waiversSettings = z.strictObject({
  "pinned-images": waived("may use images without a fixed version"),
  limits: waived("may run without a memory limit"),
  probes: waived("may run without a probe"),
  "plain-secrets": waived("may hold secrets in clear"),
  "unique-addresses": waived("may share an address and port with another service"),
} satisfies Record<PolicyName, unknown>);

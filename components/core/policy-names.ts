/** Rules for what is about to be made, checked when the program says it, before any server hears of it. */
export const POLICIES = ["pinned-images", "limits", "probes", "plain-secrets", "unique-addresses"] as const;

export type PolicyName = (typeof POLICIES)[number];

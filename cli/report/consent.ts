import { fingerprint } from "../../components/guards/fingerprint";
import { consents, guardedSubject } from "../../components/guards/protection";
import type { Settings } from "../../settings/schema";
import type { Effect } from "./effects";

/** That a change may lose what is on a machine or volume. */
export interface Consent {
  subject: string;
  fingerprint: string;
  given: boolean;
  /** The protected resources behind it. */
  urns: string[];
}

/** The consents that these effects need; none where the settings protect nothing. */
export function consentsFor(effects: readonly Effect[], settings: Settings): Consent[] {
  const needed = new Map<string, Consent>();
  for (const { gravity, urn } of settings.protect ? effects : []) {
    const [type, name] = [urn.split("::")[2].split("$").at(-1) ?? "", urn.split("::").slice(3).join("::")];
    const subject = gravity === "destroys" ? guardedSubject(type, name) : undefined;
    if (subject !== undefined) {
      const known = needed.get(subject)?.urns ?? [];
      const given = consents(settings, subject);
      needed.set(subject, { subject, fingerprint: fingerprint(settings, subject), given, urns: [...known, urn] });
    }
  }
  return [...needed.values()];
}

export function missingConsents({ consents: all }: { consents: readonly Consent[] }): Consent[] {
  return all.filter(({ given }) => !given);
}

/** As they stand in a stack file. */
export function consentLines(missing: readonly Consent[]): string[] {
  return ["homelab:consent:", ...missing.map(({ subject, fingerprint: text }) => `  ${subject}: "${text}"`)];
}

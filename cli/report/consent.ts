import { guardedSubject } from "../../components/guards/protection";
import { consents, consentsAtOnce, fingerprint, SERVERS_AT_ONCE } from "../../settings/fingerprint";
import type { Settings } from "../../settings/schema";
import type { Effect } from "./effects";
import type { Change } from "./preview";

/** That a change may lose what is on a machine or volume. */
export interface Consent {
  subject: string;
  /** Undefined where it depends on an encrypted value that is not known. */
  fingerprint?: string;
  given: boolean;
  /** The protected resources behind it. */
  urns: string[];
}

/** The servers that are reinstalled, released or exchanged: those of the settings, and those that were servers before. */
export function serversLost(effects: readonly Effect[], changes: readonly Change[], { machines }: Settings): string[] {
  const servers = new Set(machines.filter(({ role }) => role === "server").map(({ name }) => name));
  for (const { name, step } of changes) {
    const node = /^k3s-(.+)-k3s$/.exec(name)?.[1];
    if (node !== undefined && /\brole=server\b/.test(String(step.oldState?.inputs?.create ?? ""))) {
      servers.add(node);
    }
  }
  const lost = effects.filter(({ kind, gravity, subject }) => kind === "machine" && gravity === "destroys" && servers.has(subject));
  return [...new Set(lost.map(({ subject }) => subject))].sort();
}

/**
 * The consents that these effects need; none where the settings protect nothing.
 *
 * @param servers those that are lost; more than one of them need a consent of their own
 */
export function consentsFor(effects: readonly Effect[], settings: Settings, servers: readonly string[] = []): Consent[] {
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
  if (settings.protect && servers.length > 1) {
    const { text, given } = consentsAtOnce(settings, servers);
    return [{ subject: SERVERS_AT_ONCE, fingerprint: text, given, urns: [] }, ...needed.values()];
  }
  return [...needed.values()];
}

export function missingConsents({ consents: all }: { consents: readonly Consent[] }): Consent[] {
  return all.filter(({ given }) => !given);
}

/** As they stand in a stack file. */
export function consentLines(missing: readonly Consent[]): string[] {
  const unknown = "(depends on an encrypted value: run './lab report' without --preview)";
  return ["homelab:consent:", ...missing.map(({ subject, fingerprint: text }) => `  ${subject}: ${text ? `"${text}"` : unknown}`)];
}

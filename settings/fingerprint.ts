import { createHash, scryptSync } from "node:crypto";
import { canonical } from "../components/core/canonical";
import { revealed, secretsIn } from "../components/core/secret";
import type { Settings } from "./schema";

type Wanted = Pick<Settings, "machines" | "monitoring" | "taskServers">;

/**
 * Eight characters for what the settings want of a machine, or of the volumes. A consent holds them, so that it fits one
 * change and no later one: the next change of the same thing has another fingerprint.
 *
 * Secrets of user data and of scripts count by their stretched values: a fingerprint stands in a stack file for all to see, and must not
 * help to guess a short one.
 *
 * @param subject name of a machine, or of another thing that the report calls lost
 * @returns undefined where a secret that counts is not known here
 */
export function fingerprint(settings: Wanted, subject: string): string | undefined {
  const { machines } = settings;
  const machine = machines.find(({ name }) => name === subject);
  const wanted = machine
    ? deploymentOf(machine)
    : { machines: machines.map((each) => (each.role === "server" ? deploymentOf(each) : each.name)), volumes: volumesOf(settings) };
  const secrets = secretsIn(wanted);
  if (secrets.some(({ known }) => !known)) {
    return undefined;
  }
  const stretched = secrets.length > 0 && { secrets: scryptSync(canonical(revealed(secrets)), subject, 16).toString("hex") };
  return createHash("sha256")
    .update(canonical({ subject, wanted, ...stretched }))
    .digest("hex")
    .slice(0, 8);
}

/** Whether the settings consent to the loss of a thing, by the fingerprint that fits this very change. */
export function consents(settings: Wanted & Pick<Settings, "protect" | "consent">, subject: string): boolean {
  const given = settings.consent[subject];
  return !settings.protect || (given !== undefined && given === fingerprint(settings, subject));
}

/** Stands for the cluster as a whole in `homelab:consent`: more than one of its servers goes in one run. */
export const SERVERS_AT_ONCE = "servers-at-once";

/** Whether the settings consent to the loss of these servers in one run. */
export function consentsAtOnce(
  settings: Wanted & Pick<Settings, "consent">,
  servers: readonly string[],
): { text?: string; given: boolean } {
  const text = fingerprint(settings, `${SERVERS_AT_ONCE}: ${servers.join(", ")}`);
  return { text, given: text !== undefined && settings.consent[SERVERS_AT_ONCE] === text };
}

/**
 * Whether a run of the engine may lose a thing. Where several servers may be lost, none of them may in a run that takes them all: `lab up`
 * goes through them one after another, and takes the protection off each when its turn comes.
 */
export function mayLose(settings: Wanted & Pick<Settings, "protect" | "consent">, subject: string): boolean {
  const names = settings.machines.filter(({ role }) => role === "server").map(({ name }) => name);
  if (!settings.protect || !names.includes(subject) || !consents(settings, subject)) {
    return consents(settings, subject);
  }
  const lost = names.filter((name) => consents(settings, name)).sort();
  return lost.length < 2 || consentsAtOnce(settings, lost).given;
}

/** What decides whether a machine is deployed anew, as far as the settings do. */
function deploymentOf(machine: Settings["machines"][number]): object {
  const {
    power: _power,
    powerPrompt: _prompt,
    zone: _zone,
    pool: _pool,
    tags: _tags,
    notes: _notes,
    labels: _labels,
    taints: _taints,
    ...rest
  } = machine;
  return rest;
}

/** Where volumes are, and of which size and class. */
function volumesOf({ monitoring, taskServers }: Wanted): object {
  return [monitoring, taskServers].map((section) =>
    JSON.parse(
      JSON.stringify(section, (key, value) =>
        key === "" || value === null || typeof value === "object" || /^(namespace|storage|storageClass|enabled)$/.test(key)
          ? value
          : undefined,
      ),
    ),
  );
}

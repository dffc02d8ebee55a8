import { createHash } from "node:crypto";
import { canonical } from "../components/core/canonical";
import type { Settings } from "./schema";

type Wanted = Pick<Settings, "machines" | "monitoring" | "taskServers">;

/**
 * Eight characters for what the settings want of a machine, or of the volumes. A consent holds them, so that it fits one
 * change and no later one: the next change of the same thing has another fingerprint.
 *
 * @param subject name of a machine, or of another thing that the report calls lost
 */
export function fingerprint(settings: Wanted, subject: string): string {
  const { machines } = settings;
  const machine = machines.find(({ name }) => name === subject);
  const wanted = machine
    ? deploymentOf(machine)
    : { machines: machines.map((each) => (each.role === "server" ? deploymentOf(each) : each.name)), volumes: volumesOf(settings) };
  return createHash("sha256").update(canonical({ subject, wanted })).digest("hex").slice(0, 8);
}

/** Whether the settings consent to the loss of a thing, by the fingerprint that fits this very change. */
export function consents(settings: Wanted & Pick<Settings, "protect" | "consent">, subject: string): boolean {
  return !settings.protect || settings.consent[subject] === fingerprint(settings, subject);
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

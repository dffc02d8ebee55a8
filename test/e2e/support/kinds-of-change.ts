import { changes, type Draft } from "../../support/previews/changes";
import type { TestLab } from "./lab";
import { changeSettings } from "./settings";

/** Where in the end-to-end tests each kind of change is applied to a lab. */
export const places = {
  edited: ["tag", "node-label", "power-parameters", "network-range", "dns-record"],
  added: ["alert-receiver", "task-user-added"],
  restarted: ["k3s-configuration", "k3s-token", "node-taint", "monitoring-retention", "task-user-removed", "task-certificates"],
  grown: ["role", "monitoring-volume"],
  deployedAnew: ["disks", "operating-system", "address", "commissioning-script", "user-data-of-the-server", "machine-added"],
  upgraded: ["k3s-version"],
  // Alone with its cluster: what new certificates hide of other changes, a preview cannot tell.
  left: ["machine-removed", "k3s-certificates"],
} as const;

/**
 * Edits a lab's settings by all the kinds of change of a place.
 *
 * @param instead by kind, an edit of the same kind for a lab that has other machines than the committed one
 */
export function applyKinds(lab: TestLab, place: keyof typeof places, instead: Record<string, (settings: Draft) => void> = {}): void {
  const names: readonly string[] = places[place];
  const strangers = Object.keys(instead).filter((name) => !names.includes(name));
  if (strangers.length > 0) {
    throw new Error(`${strangers} is no kind of ${place}`);
  }
  changeSettings(lab, (config) => {
    const settings: Draft = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^homelab:/, ""), value]));
    for (const name of names) {
      const apply = instead[name] ?? changes.find((change) => change.name === name)?.apply;
      if (!apply) {
        throw new Error(`there is no kind of change ${name}`);
      }
      apply(settings);
    }
    Object.assign(config, Object.fromEntries(Object.entries(settings).map(([key, value]) => [`homelab:${key}`, value])));
  });
}

import versions from "../../versions.json";
import { UserError } from "./user-error";

/** Every container image the lab runs. What each means upstream, and its stand-in, is in `versions.json`. */
export const IMAGE_NAMES = [
  "pause",
  "coredns",
  "local-path-provisioner",
  "local-path-helper",
  "prometheus",
  "alertmanager",
  "node-exporter",
  "kube-state-metrics",
  "grafana",
  "taskd",
  "taskchampion-sync-server",
  "haproxy",
  "oauth2-proxy",
  "traefik",
  "kube-vip",
  "metallb-controller",
  "metallb-speaker",
] as const;

export type ImageName = (typeof IMAGE_NAMES)[number];

/** Where components get image references from; none of them spells one out. */
export interface Images {
  /** Full reference: the setting `homelab:images.<name>`, else upstream's from `versions.json`. */
  ref(name: ImageName): string;
  /** Names that the settings override. */
  overridden: readonly ImageName[];
}

type Table = Record<string, { upstream?: string; standIn?: string } | undefined>;

/** Image references under the stack's overrides. `table` is `versions.json`'s unless a test gives its own. */
export function imagesOf(overrides: Partial<Record<ImageName, string>>, table: Table = versions.images as Table): Images {
  return {
    ref(name) {
      const reference = overrides[name] ?? table[name]?.upstream;
      if (!reference) {
        throw new UserError({
          path: `homelab:images.${name}`,
          message: "this image has no reference",
          allowed: "a full image reference",
          fix: `set homelab:images.${name}, or add "${name}" with its "upstream" to versions.json`,
        });
      }
      return reference;
    },
    overridden: (Object.keys(overrides) as ImageName[]).filter((name) => overrides[name]).sort(),
  };
}

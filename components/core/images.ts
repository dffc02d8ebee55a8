import versions from "../../versions.json";
import { UserError } from "./user-error";

/** Every container image the lab runs. What each means upstream, and its stand-in, is in `versions.json`. */
export const IMAGE_NAMES = namesIn(versions.images);

/** Name of a container image that components run. */
export type ImageName = (typeof IMAGE_NAMES)[number];

/** Where components get image references from; none of them spells one out. */
export interface Images {
  /** Full reference: the setting `homelab:images.<name>`, else upstream's from `versions.json`. */
  ref(name: ImageName): string;
  /** Names that the settings override. */
  overridden: readonly ImageName[];
}

/** Image references by name: `upstream` is what a machine pulls, `standIn` is for the embedded lab. */
export type ImageTable = Record<
  string,
  | {
      /** Full reference; none where there is no public image. */
      upstream?: string;
      /** Reference in the embedded lab. */
      standIn?: string;
    }
  | undefined
>;

/**
 * Image references under overrides.
 *
 * @param overrides full references by name
 * @param table `versions.json`'s unless a test gives its own
 */
export function imagesOf(overrides: Partial<Record<ImageName, string>>, table: ImageTable = versions.images as ImageTable): Images {
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

/** Inferred, so that the compiled types spell the names out and do not ask the library's user to import JSON. */
function namesIn<T extends object>(table: T) {
  return Object.keys(table) as Extract<keyof T, string>[];
}

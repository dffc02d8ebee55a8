import { z } from "zod";
import { IMAGE_NAMES, type ImageName } from "../components/core/images";

const reference = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/,
    "must be a full image reference such as registry.example/prometheus:v3.5.0 or one pinned by @sha256:",
  )
  .meta({ id: "image", description: "Full image reference, such as registry.example/prometheus:v3.5.0, or one pinned by @sha256:." });

/**
 * `homelab:images`: full references that replace the ones in `versions.json`, by name; a private registry's, or those
 * of the images that `lab` assembled.
 */
export const imagesSettings = z.strictObject(
  Object.fromEntries(
    IMAGE_NAMES.map((name) => [name, reference.optional().describe(`Image of ${name}. Set it to use your own registry.`)]),
  ) as Record<ImageName, z.ZodOptional<typeof reference>>,
);

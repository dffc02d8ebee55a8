import * as path from "node:path";
import { ensureImages, namesFor } from "../stand-ins/images";
import { ensureK3s, k3sVersions } from "../stand-ins/k3s";
import type { Publication } from "./mirror";

/**
 * What the embedded lab's mirror offers: the k3s releases with their install script, and an archive for each image. Only the
 * pinned release is made at once; another one when a machine is about to be upgraded to it.
 */
export async function publications(log: (line: string) => void): Promise<Publication[]> {
  const release = await ensureK3s(log);
  const images = await ensureImages(undefined, log);
  return [
    { at: `/k3s/${release.version}/`, folder: release.directory },
    ...k3sVersions
      .filter((version) => version !== release.version)
      .map((version) => ({ at: `/k3s/${version}/`, folder: async () => (await ensureK3s(log, version)).directory })),
    ...images.map(({ archive }) => ({ at: "/images/", folder: path.dirname(archive) })),
    // Of a lab with an ingress only: `lab up` has made them by the time that a machine asks.
    ...namesFor({ ingress: true })
      .filter((name) => !images.some((image) => image.name === name))
      .map((name) => ({
        at: `/images/`,
        folder: async () => path.dirname((await ensureImages([name], log))[0].archive),
        holds: [`${name}.tar`],
      })),
    // Beside the versions, where the program looks for it.
    { at: "/install.sh", file: path.join(release.directory, "install.sh") },
  ];
}

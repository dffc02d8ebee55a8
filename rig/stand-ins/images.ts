import * as fs from "node:fs/promises";
import * as path from "node:path";
import { checkout } from "../checkout";
import { cached, keyOf, lookup } from "./cache";
import { pinned } from "./go";
import { makeImage, packArchive } from "./images/archive";
import { type Recipe, recipes, recipesFor } from "./images/recipes";
import { makeRoot } from "./images/root";

/** An image that was assembled here. */
export interface AssembledImage {
  name: string;
  reference: string;
  /** The archive that `ctr images import` reads. */
  archive: string;
}

/** Images that k3s itself needs, which it has in its own air-gap archive. */
const ofK3s = ["pause", "coredns", "local-path-provisioner", "local-path-helper"];

/** The texts of a folder's own files, tests left out. */
async function texts(folder: string): Promise<string[]> {
  const entries = (await fs.readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile() && !entry.name.endsWith("_test.go"));
  const names = entries.map((entry) => entry.name).sort();
  return Promise.all(names.map((name) => fs.readFile(path.join(folder, name), "utf8")));
}

/** What an image depends on: its recipe, this code, and the pinned Go module. */
async function ingredients(recipe: Recipe): Promise<string[]> {
  const code = await Promise.all(["root.ts", "archive.ts"].map((name) => fs.readFile(path.join(__dirname, "images", name), "utf8")));
  const { goModule } = recipe;
  const folders = goModule?.sources?.map((folder) => path.join(checkout, folder)) ?? [];
  const pins = goModule ? await pinned(goModule.module && path.join(checkout, goModule.module)) : [];
  const module = [...pins, ...(await Promise.all(folders.map(texts))).flat()];
  const { crate } = recipe;
  const sources = crate ? await Promise.all([crate.folder, `${crate.folder}/src`].map((folder) => texts(path.join(checkout, folder)))) : [];
  return [JSON.stringify(recipe), ...code, ...module, ...sources.flat()];
}

async function withScratch<T>(work: (scratch: string) => Promise<T>, directory: string): Promise<T> {
  const scratch = await fs.mkdtemp(`${directory}.scratch-`);
  try {
    return await work(scratch);
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

async function ensureImage(recipe: Recipe, progress: (line: string) => void): Promise<{ folder: string; archive: string }> {
  const directory = await cached(path.join("images", recipe.name), await ingredients(recipe), async (target) => {
    progress(`assembling ${recipe.reference}`);
    await withScratch(async (scratch) => {
      const root = path.join(scratch, "root");
      await makeRoot(recipe, scratch, root);
      const folder = path.join(target, "image");
      await fs.mkdir(folder);
      await makeImage(recipe, root, folder);
      await packArchive([folder], scratch, path.join(target, `${recipe.name}.tar`));
    }, target);
  });
  return { folder: path.join(directory, "image"), archive: path.join(directory, `${recipe.name}.tar`) };
}

/**
 * Assembles container images from Debian packages and Go modules, for where their registries cannot be reached. Made once,
 * then cached.
 *
 * @param names as in versions.json; all that a lab without an ingress needs unless given
 */
export async function ensureImages(
  names: readonly string[] = namesFor({ ingress: false }),
  progress: (line: string) => void = () => {},
): Promise<AssembledImage[]> {
  const made: AssembledImage[] = [];
  for (const recipe of recipes.filter(({ name }) => names.includes(name))) {
    const { archive } = await ensureImage(recipe, progress);
    made.push({ name: recipe.name, reference: recipe.reference, archive });
  }
  return made;
}

/** Names of the images of a lab. */
export function namesFor(lab: { ingress: boolean }): string[] {
  return recipesFor(lab).map(({ name }) => name);
}

/** Whether `ensureImages` would have nothing to make. */
export async function imagesCached(lab: { ingress: boolean } = { ingress: false }): Promise<boolean> {
  for (const recipe of recipesFor(lab)) {
    if (!(await lookup(path.join("images", recipe.name), await ingredients(recipe))).exists) {
      return false;
    }
  }
  return true;
}

/** One archive of what k3s itself runs, as its releases have it: `k3s-airgap-images-amd64.tar`. */
export async function ensureAirgapArchive(progress: (line: string) => void = () => {}): Promise<string> {
  const folders: string[] = [];
  for (const recipe of recipes.filter(({ name }) => ofK3s.includes(name))) {
    folders.push((await ensureImage(recipe, progress)).folder);
  }
  const directory = await cached("airgap", [keyOf(folders)], (target) =>
    withScratch((scratch) => packArchive(folders, scratch, path.join(target, "k3s-airgap-images-amd64.tar")), target),
  );
  return path.join(directory, "k3s-airgap-images-amd64.tar");
}

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { output } from "../engine/command";
import type { Recipe } from "./recipes";

// The same files give the same bytes: order, times and owners are fixed.
const reproducible = [
  "--sort=name",
  "--mtime=@0",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--format=posix",
  "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
];
const epoch = "1970-01-01T00:00:00Z";

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

interface ManifestEntry {
  Config: string;
  RepoTags: string[];
  Layers: string[];
}

/** One image as a folder in docker-archive layout: its layer, its configuration and a manifest that names both. */
export async function makeImage(recipe: Recipe, root: string, target: string): Promise<void> {
  const layer = path.join(target, "layer.tar");
  await output("tar", [...reproducible, "-C", root, "-cf", layer, "."]);
  const digest = await sha256(layer);
  await fs.rename(layer, path.join(target, `${digest}.tar`));
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: epoch,
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Entrypoint: recipe.entrypoint,
      User: recipe.user,
      WorkingDir: "/",
      Labels: {
        "org.opencontainers.image.title": recipe.name,
        "org.opencontainers.image.description": "assembled by the home lab from Debian packages and Go modules",
      },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    history: [{ created: epoch, created_by: "rig/stand-ins/images" }],
  });
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  await fs.writeFile(path.join(target, configName), config);
  const manifest: ManifestEntry[] = [{ Config: configName, RepoTags: [recipe.reference], Layers: [`${digest}.tar`] }];
  await fs.writeFile(path.join(target, "manifest.json"), JSON.stringify(manifest));
}

/** Packs image folders into one archive that `ctr images import` and `docker load` read. */
export async function packArchive(images: readonly string[], scratch: string, file: string): Promise<void> {
  const together = path.join(scratch, "archive");
  await fs.mkdir(together, { recursive: true });
  const manifest: ManifestEntry[] = [];
  for (const image of images) {
    manifest.push(...(JSON.parse(await fs.readFile(path.join(image, "manifest.json"), "utf8")) as ManifestEntry[]));
    for (const name of await fs.readdir(image)) {
      if (name !== "manifest.json") {
        await fs
          .link(path.join(image, name), path.join(together, name))
          .catch(() => fs.copyFile(path.join(image, name), path.join(together, name)));
      }
    }
  }
  await fs.writeFile(path.join(together, "manifest.json"), JSON.stringify(manifest));
  await output("tar", [...reproducible, "-C", together, "-cf", file, ...(await fs.readdir(together)).sort()]);
  await fs.rm(together, { recursive: true, force: true });
}

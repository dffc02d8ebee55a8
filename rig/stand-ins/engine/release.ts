import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cached, lookup } from "../cache";
import { output } from "./command";

const PLATFORMS: Partial<Record<NodeJS.Architecture, string>> = { x64: "linux-x64", arm64: "linux-arm64" };

/** Whether the release has been downloaded before. */
export async function isDownloaded(version: string): Promise<boolean> {
  return (await lookup("pulumi-release", [version, PLATFORMS[process.arch] ?? ""])).exists;
}

/** Downloads the vendor's release of the engine, language hosts included, into the cache; the folder of its executables. */
export async function releasedEngine(version: string, progress: (line: string) => void): Promise<string> {
  const platform = PLATFORMS[process.arch];
  if (process.platform !== "linux" || !platform) {
    throw new Error(`there is no release of Pulumi for ${process.platform} on ${process.arch}`);
  }
  const directory = await cached("pulumi-release", [version, platform], async (target) => {
    const url = `https://get.pulumi.com/releases/sdk/pulumi-v${version}-${platform}.tar.gz`;
    progress(`downloading release ${version}`);
    const response = await fetch(url);
    if (!response.ok) {
      throw new Error(`${url}: HTTP status ${response.status}`);
    }
    const archive = path.join(target, "release.tar.gz");
    await fs.writeFile(archive, Buffer.from(await response.arrayBuffer()));
    await output("tar", ["-xzf", archive, "-C", target]);
    await fs.rm(archive);
  });
  return path.join(directory, "pulumi");
}

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cached, lookup } from "../cache";
import { output } from "./command";

const PLATFORMS: Partial<Record<NodeJS.Architecture, string>> = { x64: "linux-x64", arm64: "linux-arm64" };

/** Whether the release has been downloaded before. */
export async function isDownloaded(version: string): Promise<boolean> {
  return (await lookup("pulumi-release", [version, PLATFORMS[process.arch] ?? ""])).exists;
}

async function download(url: string, get: typeof fetch): Promise<Buffer> {
  const response = await get(url);
  if (!response.ok) {
    throw new Error(`${url}: HTTP status ${response.status}`);
  }
  return Buffer.from(await response.arrayBuffer());
}

/** The vendor's archive of a release, after a look at the checksum that the release's list on GitHub has for it. */
export async function verifiedRelease(version: string, platform: string, get: typeof fetch = fetch): Promise<Buffer> {
  const name = `pulumi-v${version}-${platform}.tar.gz`;
  const list = `https://github.com/pulumi/pulumi/releases/download/v${version}/pulumi-${version}-checksums.txt`;
  const lines = (await download(list, get)).toString("utf8").split("\n");
  const wanted = lines.map((line) => /^([0-9a-f]{64}) [ *](.+?)\s*$/.exec(line)).find((match) => match?.[2] === name)?.[1];
  if (!wanted) {
    throw new Error(`${list} does not name ${name}`);
  }
  const url = `https://get.pulumi.com/releases/sdk/${name}`;
  const archive = await download(url, get);
  const found = createHash("sha256").update(archive).digest("hex");
  if (found !== wanted) {
    throw new Error(`${url} has the checksum ${found} instead of ${wanted}`);
  }
  return archive;
}

/** Downloads the vendor's release of the engine, language hosts included, into the cache; the folder of its executables. */
export async function releasedEngine(version: string, progress: (line: string) => void): Promise<string> {
  const platform = PLATFORMS[process.arch];
  if (process.platform !== "linux" || !platform) {
    throw new Error(`there is no release of Pulumi for ${process.platform} on ${process.arch}`);
  }
  const directory = await cached("pulumi-release", [version, platform], async (target) => {
    progress(`downloading release ${version}`);
    const archive = path.join(target, "release.tar.gz");
    await fs.writeFile(archive, await verifiedRelease(version, platform));
    await output("tar", ["-xzf", archive, "-C", target]);
    await fs.rm(archive);
  });
  return path.join(directory, "pulumi");
}

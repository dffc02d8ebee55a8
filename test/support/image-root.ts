import { execFileSync } from "node:child_process";
import { ensureImages } from "../../rig/stand-ins/images";

/** Unpacks an image of the embedded lab into a folder, for tests that run its program without containers. */
export async function unpackImage(name: string, folder: string): Promise<string> {
  const [{ archive }] = await ensureImages([name]);
  const files = execFileSync("tar", ["-tf", archive]).toString().split("\n");
  const layer = files.find((each) => /layer|[0-9a-f]{64}\.tar$/.test(each)) ?? "";
  execFileSync("sh", ["-ec", 'tar -xOf "$0" "$1" | tar -x -C "$2"', archive, layer, folder]);
  return folder;
}

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cached } from "../../rig/stand-ins/cache";
import { makeRoot } from "../../rig/stand-ins/images/root";
import versions from "../../versions.json";

const recipe = {
  name: "knot",
  reference: "knot",
  packages: ["knot"],
  files: ["usr/sbin/knotd"],
  entrypoint: [],
  user: "0:0",
  shell: false,
};

/** Debian's Knot DNS, an authoritative server that takes updates (RFC 2136), unpacked with its libraries: the words that start it. */
export async function knot(): Promise<string[]> {
  const folder = await cached("test-knot", [JSON.stringify(recipe), versions.debian.release, process.arch], async (directory) => {
    const scratch = path.join(directory, "scratch");
    await fs.mkdir(scratch);
    await makeRoot(recipe, scratch, path.join(directory, "root"));
    await fs.rm(scratch, { recursive: true });
  });
  const root = path.join(folder, "root");
  return [
    path.join(root, "lib64/ld-linux-x86-64.so.2"),
    "--library-path",
    path.join(root, "lib/x86_64-linux-gnu"),
    path.join(root, "usr/sbin/knotd"),
  ];
}

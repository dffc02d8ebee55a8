import * as fs from "node:fs/promises";
import * as path from "node:path";
import { checkout } from "../../checkout";
import { output } from "../engine/command";
import { buildGo } from "../go";
import { withTrimmed } from "../trimmed";
import { buildCrate, compilerPackages } from "./crate";
import type { Recipe } from "./recipes";

const shellPackage = "busybox-static";

/** Unpacks Debian packages and all they depend on into `target`, without installing anything on this computer. */
async function unpack(packages: readonly string[], scratch: string, target: string): Promise<void> {
  const archives = path.join(scratch, "archives");
  const status = path.join(scratch, "status");
  await fs.mkdir(path.join(archives, "partial"), { recursive: true });
  // Against an empty status nothing counts as installed, so that every dependency is fetched.
  await fs.writeFile(status, "");
  const options = {
    "Dir::State::status": status,
    "Dir::Cache::archives": archives,
    "APT::Sandbox::User": "root",
    "Debug::NoLocking": "1",
  };
  const arguments_ = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await output("apt-get", ["-qq", "-y", "--no-install-recommends", ...arguments_, "--download-only", "install", ...packages]);
  for (const archive of await fs.readdir(archives)) {
    if (archive.endsWith(".deb")) {
      await output("dpkg-deb", ["--extract", path.join(archives, archive), target]);
    }
  }
}

/** The shared libraries that a program of `tree` loads, and its loader, as absolute paths inside the tree. */
async function librariesOf(tree: string, file: string): Promise<string[]> {
  const loader = "/lib64/ld-linux-x86-64.so.2";
  const listed = await output("chroot", [tree, loader, "--list", `/${file}`]).catch(() => "");
  const libraries = [...listed.matchAll(/=> (\/\S+)/g)].map((match) => match[1]);
  return libraries.length > 0 ? [...libraries, loader] : [];
}

/** Copies a file or folder of `tree`, links followed, to a place below `root`, the same one unless given. */
async function take(tree: string, root: string, file: string, place = file): Promise<void> {
  const target = path.join(root, place);
  await fs.mkdir(path.dirname(target), { recursive: true });
  await fs.cp(path.join(tree, file), target, { recursive: true, dereference: true });
}

async function takeWithLibraries(tree: string, root: string, file: string): Promise<void> {
  await take(tree, root, file);
  if (/\/s?bin\//.test(file)) {
    for (const library of await librariesOf(tree, file)) {
      // Programs ask for /lib and /lib64 whatever the layout of their package.
      await take(tree, root, library, library.replace(/^\/(usr\/)?lib/, "lib"));
    }
  }
}

async function addShell(tree: string, root: string): Promise<void> {
  await fs.mkdir(path.join(root, "bin"), { recursive: true });
  const busybox = path.join(root, "bin", "busybox");
  await fs.cp(path.join(tree, "bin", "busybox"), busybox, { dereference: true });
  for (const applet of (await output(busybox, ["--list"])).split("\n").filter(Boolean)) {
    await fs.symlink("busybox", path.join(root, "bin", applet)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") {
        throw error;
      }
    });
  }
}

async function addAccounts(root: string, user: string): Promise<void> {
  const [uid, gid] = user.split(":");
  const own = uid === "0" || uid === "65534" ? [] : [`homelab:x:${uid}:${gid}:homelab:/:/bin/false`];
  await fs.mkdir(path.join(root, "etc"), { recursive: true });
  await fs.writeFile(
    path.join(root, "etc/passwd"),
    `${["root:x:0:0:root:/:/bin/sh", "nobody:x:65534:65534:nobody:/:/bin/false", ...own].join("\n")}\n`,
  );
  await fs.writeFile(
    path.join(root, "etc/group"),
    `${["root:x:0:", "nogroup:x:65534:", ...(own.length > 0 ? [`homelab:x:${gid}:`] : [])].join("\n")}\n`,
  );
  await fs.writeFile(path.join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
}

/** Makes an image's root file system from its recipe: the programs, what they load, and no package manager. */
export async function makeRoot(recipe: Recipe, scratch: string, root: string): Promise<void> {
  const tree = path.join(scratch, "tree");
  const packages = [...recipe.packages, ...(recipe.shell ? [shellPackage] : []), ...(recipe.crate ? compilerPackages : [])];
  if (packages.length > 0) {
    await fs.mkdir(tree, { recursive: true });
    await unpack(packages, scratch, tree);
  }
  if (recipe.crate) {
    await buildCrate(path.join(checkout, recipe.crate.folder), recipe.crate.program, tree);
  }
  await fs.mkdir(root, { recursive: true });
  for (const file of recipe.files) {
    await takeWithLibraries(tree, root, file);
  }
  if (recipe.shell) {
    await addShell(tree, root);
  }
  if (recipe.goModule) {
    const { package: built, program, trimmed } = recipe.goModule;
    let module = recipe.goModule.module && path.join(checkout, recipe.goModule.module);
    if (module && trimmed) {
      await withTrimmed(module, trimmed, path.join(scratch, "module"));
      module = path.join(scratch, "module");
    }
    await fs.mkdir(path.dirname(path.join(root, program)), { recursive: true });
    await buildGo({ package: built, module }, path.join(root, program));
  }
  await addAccounts(root, recipe.user);
  for (const name of ["tmp", "proc", "sys", "dev", "run", "var", "data"]) {
    await fs.mkdir(path.join(root, name), { recursive: true });
  }
  await fs.chmod(path.join(root, "tmp"), 0o1777);
}

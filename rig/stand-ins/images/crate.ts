import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import { output } from "../engine/command";

/** What a crate is built with. Debian's own `cargo` of this release is older than what today's crates ask for. */
export const compilerPackages: readonly string[] = ["cargo-web", "gcc", "libc6-dev"];

/** In an own mount name space, so that nothing stays mounted when this process is killed. */
const script = `
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
shift
exec "$@"`;

/** What a way out through a proxy or a mirror needs. */
const passed = /^((https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY|CARGO_(HTTP|NET|REGISTRY|REGISTRIES|SOURCE)_\w+)$/;

async function copyIfThere(from: string, to: string): Promise<void> {
  await fs.mkdir(path.dirname(to), { recursive: true });
  await fs.cp(from, to, { dereference: true }).catch(() => undefined);
}

/**
 * Compiles a Rust program inside a tree of unpacked Debian packages, with the compiler and against the libraries that are
 * in it: what this computer has of Rust does not matter, and it needs none. The program goes to the tree's /usr/bin.
 *
 * @param folder the crate, with its Cargo.lock
 * @param tree a tree that has `compilerPackages`
 */
export async function buildCrate(folder: string, program: string, tree: string): Promise<void> {
  const build = path.join(tree, "build");
  await fs.mkdir(path.join(tree, "proc"), { recursive: true });
  await fs.mkdir(path.join(tree, "dev"), { recursive: true });
  await fs.mkdir(path.join(tree, "tmp"), { recursive: true });
  for (const name of ["Cargo.toml", "Cargo.lock", "src"]) {
    await fs.cp(path.join(folder, name), path.join(build, "source", name), { recursive: true });
  }
  const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
  await copyIfThere(path.join(cargoHome, "config.toml"), path.join(build, "cargo", "config.toml"));
  for (const file of ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"]) {
    await copyIfThere(file, path.join(tree, file));
  }
  const environment = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name))),
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/build",
    CARGO_HOME: "/build/cargo",
    // `cc` is a link that packages make when they are installed, which these are not.
    CC: "gcc",
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER: "gcc",
  };
  const cargo = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", "/build/source/Cargo.toml"];
  await output(
    "unshare",
    [
      ...["--mount", "--propagation", "private", "sh", "-ec", script, "sh", tree],
      ...["chroot", tree, ...cargo, "--target-dir", "/build/target"],
    ],
    { env: environment },
  );
  await fs.cp(path.join(build, "target", "release", program), path.join(tree, "usr/bin", program));
}

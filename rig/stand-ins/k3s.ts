import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../versions.json";
import { cached, lookup } from "./cache";
import { buildGo, flagsOf, GO_MODULE, type GoProgram, pinned, versionIn } from "./go";
import { ensureAirgapArchive } from "./images";

/** The k3s stand-in as a release folder: `k3s`, `sha256sum-amd64.txt`, `k3s-airgap-images-amd64.tar`, and `install.sh`. */
export interface K3sRelease {
  directory: string;
  /** k3s's notation, such as `v1.36.5+k3s1`. */
  version: string;
}

const source = path.join(__dirname, "k3s");
const binary = "k3s";
const airgap = "k3s-airgap-images-amd64.tar";
const sums = "sha256sum-amd64.txt";

/** Source files of the program, tests left out, in a stable order. */
async function sources(folder = source): Promise<string[]> {
  const entries = (await fs.readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      found.push(...(await sources(file)));
    } else if (/\.(go|yaml)$/.test(entry.name) && !entry.name.endsWith("_test.go")) {
      found.push(file);
    }
  }
  return found;
}

/** The go.mod with the Kubernetes of a version: the module's own, or that of the minor version before. */
const modulesOf = (version: string) => (version === versions.k3s.before ? "k3s-before" : "go");

/** The executable under a version's name: nothing is compiled anew for another revision of the same Kubernetes. */
function program(version: string): GoProgram {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  const set = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const variables = Object.entries(set).map(([name, value]) => [`k8s.io/component-base/version.${name}`, value]);
  return { package: "./k3s", modFile: `${modulesOf(version)}.mod`, variables: Object.fromEntries(variables) };
}

async function ingredients(version: string): Promise<string[]> {
  const files = await sources();
  const contents = await Promise.all(files.map((file) => fs.readFile(file, "utf8")));
  return [
    ...(await pinned(GO_MODULE, modulesOf(version))),
    ...files.map((file) => path.relative(source, file)),
    ...contents,
    ...flagsOf(program(version)),
  ];
}

async function build(target: string, version: string, progress: (line: string) => void): Promise<void> {
  const [modules] = await pinned(GO_MODULE, modulesOf(version));
  const inModule = versionIn(modules, "k8s.io/kubernetes");
  if (inModule !== version.split("+")[0]) {
    throw new Error(
      `versions.json says k3s ${version}, rig/stand-ins/${modulesOf(version)}.mod says Kubernetes ${inModule}: they have to be the same`,
    );
  }
  progress(`building Kubernetes ${inModule} from its Go modules, some 9 minutes on 2 cores when nothing of it is in Go's own cache`);
  await buildGo(program(version), path.join(target, binary), progress);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/**
 * The versions that can be made: the pinned one, the same Kubernetes under the next revision of k3s, which costs a link, and the minor
 * version before, which is compiled as long as the first.
 */
export const k3sVersions: readonly string[] = [versions.k3s.version, versions.k3s.next, versions.k3s.before];

/** Whether `ensureK3s` would not have to compile. */
export async function k3sCached(version: string = versions.k3s.version): Promise<boolean> {
  return (await lookup("k3s-binary", await ingredients(version))).exists;
}

/**
 * Returns the stand-in's release folder, building what is not cached: the binary from the Go modules of upstream Kubernetes,
 * the air-gap archive from `rig/stand-ins/images`.
 *
 * @param progress is called with one line for each step that takes time.
 */
export async function ensureK3s(progress: (line: string) => void, version: string = versions.k3s.version): Promise<K3sRelease> {
  const made = await cached("k3s-binary", await ingredients(version), (target) => build(target, version, progress));
  const archive = await ensureAirgapArchive(progress);
  const script = await fs.readFile(path.join(source, "install.sh"), "utf8");
  const directory = await cached("k3s-release", [made, archive, script], async (target) => {
    await fs.link(path.join(made, binary), path.join(target, binary));
    await fs.link(archive, path.join(target, airgap));
    await fs.writeFile(path.join(target, "install.sh"), script, { mode: 0o755 });
    const lines = await Promise.all([binary, airgap].map(async (name) => `${await sha256(path.join(target, name))}  ${name}\n`));
    await fs.writeFile(path.join(target, sums), lines.join(""));
  });
  return { directory, version };
}

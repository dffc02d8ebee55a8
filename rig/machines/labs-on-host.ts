import * as fs from "node:fs/promises";
import * as path from "node:path";
import { links } from "./bridge";
import { identify, type ProcessIdentity } from "./processes";

/** What the aliases of all labs' bridges begin with; the state folder follows. */
export const ownerPrefix = "cloud-native-home-lab ";

/** An embedded lab of this computer, running or left over, by what can be seen of it from outside. */
export interface LabOnHost {
  /** Its state folder, as its simulator was told. */
  state: string;
  /** Whether that folder is still there: a checkout can be deleted while its lab runs. */
  folder: boolean;
  bridge?: string;
  /** Its simulator, if it runs. */
  process?: ProcessIdentity;
}

/** All embedded labs in this network namespace. Bridges say whose they are; simulators are known by their command line. */
export async function labsOnHost(): Promise<LabOnHost[]> {
  const found = new Map<string, Omit<LabOnHost, "state" | "folder">>();
  for (const { ifname, ifalias } of await links()) {
    if (ifalias?.startsWith(ownerPrefix)) {
      found.set(ifalias.slice(ownerPrefix.length), { bridge: ifname });
    }
  }
  for (const { state, bridge, process } of await simulators()) {
    found.set(state, { bridge, ...found.get(state), process });
  }
  return Promise.all([...found].map(async ([state, lab]) => ({ state, folder: await exists(state), ...lab })));
}

/** What to do about a lab that is in the way. */
export function howToStop(lab: LabOnHost): string {
  return lab.process && lab.folder
    ? `stop that lab first: LAB_STATE=${path.dirname(lab.state)} ./lab down, in its checkout`
    : "remove what is left of it: ./lab down --force";
}

/** One line on a lab: whose it is and whether it runs. */
export function describeLab({ state, folder, bridge, process }: LabOnHost): string {
  const parts = [
    process ? `simulator running (process ${process.pid})` : "simulator not running",
    ...(bridge ? [`bridge ${bridge}`] : []),
    folder ? "state folder there" : "state folder gone",
  ];
  return `${state}: ${parts.join(", ")}`;
}

async function simulators(): Promise<{ state: string; bridge?: string; process: ProcessIdentity }[]> {
  const here = await fs.readlink("/proc/self/ns/net").catch(() => "");
  const found: { state: string; bridge?: string; process: ProcessIdentity }[] = [];
  for (const name of await fs.readdir("/proc")) {
    if (!/^\d+$/.test(name)) {
      continue;
    }
    const words = (await fs.readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    const told = simulatorOf(words);
    if (!told || (await fs.readlink(`/proc/${name}/ns/net`).catch(() => "")) !== here) {
      continue;
    }
    const process = identify(Number(name));
    const folder = await fs.readlink(`/proc/${name}/cwd`).catch(() => "/");
    if (process) {
      found.push({ state: path.resolve(folder.replace(/ \(deleted\)$/, ""), told.state), bridge: told.bridge, process });
    }
  }
  return found;
}

/** What a simulator's command line says; undefined when it is none. Older versions have it in `sim/`. */
export function simulatorOf(words: readonly string[]): { state: string; bridge?: string } | undefined {
  const entry = words.findIndex((word) => /(^|\/)(rig|sim)\/main\.ts$/.test(word));
  const after = (option: string) => {
    const at = words.indexOf(option, entry);
    return at < 0 ? undefined : (words[at + 1] ?? undefined);
  };
  const state = after("--state");
  return entry < 0 || !/(^|\/)node[^/]*$/.test(words[0]) || !state || words.includes("clean")
    ? undefined
    : { state, bridge: after("--bridge") };
}

function exists(file: string): Promise<boolean> {
  return fs.stat(file).then(
    () => true,
    () => false,
  );
}

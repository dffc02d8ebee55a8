import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../versions.json";
import { cached, lookup } from "./cache";
import { output } from "./engine/command";
import { buildGo, flagsOf, GO_MODULE, type GoProgram, go, pinned, versionIn } from "./go";

const MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4";
const ARTEFACT = "kubernetes-provider";
const EXECUTABLE = "pulumi-resource-kubernetes";

/** What is changed in one file of the vendor's sources; each text occurs in it once. */
const CORRECTED = "pkg/await/await.go";
const CORRECTIONS: readonly (readonly [from: string, to: string])[] = [
  // Where an object is replaced under its name, a preview asks the API server to make the new one while the old one is there.
  // This version tries again under another name for one of the server's messages about fields that cannot change; the version
  // that the SDK is of does so for all of them, such as a StatefulSet's and a RoleBinding's.
  ["(apierrors.IsInvalid(err) && strings.Contains(err.Error(), apivalidation.FieldImmutableErrorMsg))", "apierrors.IsInvalid(err)"],
  ['\tapivalidation "k8s.io/apimachinery/pkg/api/validation"\n', ""],
  // The same package of the same library in the version that today's Kubernetes has.
  ['"sigs.k8s.io/structured-merge-diff/v4/fieldpath"', '"sigs.k8s.io/structured-merge-diff/v6/fieldpath"'],
];

export interface BuiltProvider {
  /** The plugin's executable. */
  file: string;
  /** Module and version that it is built from. */
  origin: string;
}

interface Ingredients {
  version: string;
  program: GoProgram;
  inputs: string[];
}

/** The module's commit as build metadata: the engine asks for the SDK's version or newer and warns of any other at each run. */
async function ingredients(): Promise<Ingredients> {
  const pins = await pinned();
  const version = versionIn(pins[0], MODULE);
  if (version === undefined) {
    throw new Error(`${GO_MODULE}/go.mod does not name ${MODULE}`);
  }
  const [time, commit] = version.split("-").slice(-2);
  const named = `${versions.pulumi.plugins.kubernetes}+module.${time}.${commit}`;
  const program: GoProgram = {
    package: `${MODULE}/cmd/${EXECUTABLE}`,
    variables: { [`${MODULE}/pkg/version.Version`]: named },
  };
  const sdk = path.join(GO_MODULE, "kubernetes-provider/sdk");
  const names = (await fs.readdir(sdk, { recursive: true })).filter((name) => /\.(go|mod)$/.test(name)).sort();
  const sources = await Promise.all(names.map((name) => fs.readFile(path.join(sdk, name), "utf8")));
  return { version, program, inputs: [...pins, ...sources, JSON.stringify(CORRECTIONS), ...flagsOf(program)] };
}

/** Whether `builtKubernetesProvider` would not have to compile. */
export async function kubernetesProviderCached(): Promise<boolean> {
  return (await lookup(ARTEFACT, (await ingredients()).inputs)).exists;
}

/** The official Kubernetes plugin, built from its Go module. */
export async function builtKubernetesProvider(progress: (line: string) => void = () => {}): Promise<BuiltProvider> {
  const { version, program, inputs } = await ingredients();
  const directory = await cached(ARTEFACT, inputs, async (target) => {
    progress("building kubernetes from its Go module, some 5 minutes on 2 cores when nothing of it is in Go's own cache");
    const scratch = `${target}.sources`;
    try {
      const sources = path.join(scratch, "provider");
      await prepare(sources, program.variables?.[`${MODULE}/pkg/version.Version`] ?? version);
      const [goMod, goSum] = await pinned();
      await fs.writeFile(path.join(scratch, "go.mod"), `${goMod}\nreplace ${MODULE} => ${sources}\n`);
      await fs.writeFile(path.join(scratch, "go.sum"), goSum);
      await buildGo({ ...program, modFile: path.join(scratch, "go.mod") }, path.join(target, EXECUTABLE), progress);
    } finally {
      await fs.rm(scratch, { recursive: true, force: true });
    }
  });
  return { file: path.join(directory, EXECUTABLE), origin: `${MODULE} ${version}` };
}

/** The module's sources with what its own build generates: the schema under the plugin's version, and the mapping. */
async function prepare(sources: string, version: string): Promise<void> {
  const { Dir: module } = JSON.parse(await go(["mod", "download", "-json", MODULE])) as { Dir: string };
  await fs.mkdir(path.dirname(sources), { recursive: true });
  // Go's cache is read-only, down to its folders.
  await output("cp", ["-r", "--no-preserve=mode", module, sources]);
  const program = path.join(sources, "cmd", EXECUTABLE);
  const json = async (name: string) => JSON.parse(await fs.readFile(path.join(program, name), "utf8"));
  await fs.writeFile(path.join(program, "schema-embed.json"), JSON.stringify({ ...(await json("schema.json")), version }));
  await fs.writeFile(path.join(program, "terraform-mapping-embed.json"), JSON.stringify(await json("terraform-mapping.json")));
  const corrected = path.join(sources, CORRECTED);
  let text = await fs.readFile(corrected, "utf8");
  for (const [from, to] of CORRECTIONS) {
    const parts = text.split(from);
    if (parts.length !== 2) {
      throw new Error(`${MODULE}/${CORRECTED} is not what its corrections were written for`);
    }
    text = parts.join(to);
  }
  await fs.writeFile(corrected, text);
}

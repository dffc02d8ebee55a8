import * as fs from "node:fs";
import * as path from "node:path";

/** A plugin that an installed package needs. */
export interface Required {
  name: string;
  version: string;
  server: string;
  parameterization?: { name: string; version: string; value: string };
}

interface Manifest {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string; parameterization?: Required["parameterization"] };
}

function manifest(directory: string): Manifest | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
  } catch {
    return undefined;
  }
}

function entries(directory: string): string[] {
  try {
    return fs.readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch {
    return [];
  }
}

/** Folders of every package in a `node_modules`, scopes opened. */
function packagesIn(modules: string): string[] {
  return entries(modules).flatMap((name) =>
    name.startsWith("@") ? entries(path.join(modules, name)).map((inner) => path.join(modules, name, inner)) : [path.join(modules, name)],
  );
}

/**
 * Plugins of the packages that the program can load: every package with `"pulumi": {"resource": true}` in the
 * `node_modules` of the program and of the folders above it, nested ones included.
 */
export function requiredPlugins(programDirectory: string): Required[] {
  const found = new Map<string, Required>();
  const seen = new Set<string>();
  const visit = (modules: string) => {
    if (!fs.existsSync(modules)) {
      return;
    }
    const real = fs.realpathSync(modules);
    if (seen.has(real)) {
      return;
    }
    seen.add(real);
    for (const directory of packagesIn(real)) {
      const plugin = pluginOf(manifest(directory));
      if (plugin) {
        found.set(`${plugin.name}@${plugin.version}`, plugin);
      }
      visit(path.join(directory, "node_modules"));
    }
  };
  for (let directory = path.resolve(programDirectory); ; directory = path.dirname(directory)) {
    visit(path.join(directory, "node_modules"));
    if (directory === path.dirname(directory)) {
      return [...found.values()];
    }
  }
}

function pluginOf(found: Manifest | undefined): Required | undefined {
  const pulumi = found?.pulumi;
  if (!pulumi?.resource) {
    return undefined;
  }
  const name = pulumi.name ?? (found?.name?.startsWith("@pulumi/") ? found.name.slice("@pulumi/".length) : undefined);
  const version = pulumi.version ?? found?.version;
  if (!name) {
    return undefined;
  }
  return {
    name,
    version: version ? `v${version.replace(/^v/, "")}` : "",
    server: pulumi.server ?? "",
    ...(pulumi.parameterization ? { parameterization: pulumi.parameterization } : {}),
  };
}

/** Names and versions of the npm packages the program depends on: those it names, or all that its lock file names. */
export function dependencies(programDirectory: string, transitive: boolean): { name: string; version: string }[] {
  if (transitive) {
    const lock = JSON.parse(fs.readFileSync(path.join(programDirectory, "package-lock.json"), "utf8"));
    return Object.entries(lock.packages as Record<string, { version?: string }>)
      .filter(([location]) => location !== "")
      .map(([location, { version }]) => ({ name: location.slice(location.lastIndexOf("node_modules/") + 13), version: version ?? "" }));
  }
  const own = manifest(programDirectory);
  return Object.entries({ ...own?.dependencies, ...own?.devDependencies }).map(([name, range]) => ({
    name,
    version: manifest(path.join(programDirectory, "node_modules", name))?.version ?? range,
  }));
}

/** The package manager of a project: as set, else by its lock file, else npm. */
export function packageManager(directory: string, chosen: string): string {
  if (chosen) {
    return chosen;
  }
  const lockFiles: [string, string][] = [
    ["pnpm-lock.yaml", "pnpm"],
    ["bun.lock", "bun"],
    ["yarn.lock", "yarn"],
  ];
  return lockFiles.find(([file]) => fs.existsSync(path.join(directory, file)))?.[1] ?? "npm";
}

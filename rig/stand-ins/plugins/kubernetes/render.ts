// Writing objects as YAML files in place of sending them to an API server.
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { dump } from "js-yaml";
import { isCustomResourceDefinition, type KubeObject, nameOf, namespaceOf } from "./objects";

/** The file of an object: `<directory>/1-manifest/<api version>-<kind>-<namespace>-<name>.yaml`, definitions in `0-crd`. */
export function renderPath(directory: string, object: KubeObject): string {
  const apiVersion = String(object.apiVersion).replace(/[/:]/g, "_");
  const file = `${apiVersion}-${String(object.kind).toLowerCase()}-${namespaceOf(object) || "default"}-${nameOf(object)}.yaml`;
  return path.join(directory, isCustomResourceDefinition(object) ? "0-crd" : "1-manifest", file);
}

/** Writes the object's file, readable by its owner only since secrets are in clear in it. */
export async function render(directory: string, object: KubeObject): Promise<string> {
  for (const folder of ["0-crd", "1-manifest"]) {
    await fs.mkdir(path.join(directory, folder), { recursive: true, mode: 0o700 });
  }
  const file = renderPath(directory, object);
  await fs.writeFile(file, dump(object, { sortKeys: true, lineWidth: -1, noRefs: true, quotingType: '"' }), { mode: 0o600 });
  return file;
}

/** Removes the object's file; one that is gone already is fine. */
export async function removeRendered(directory: string, object: KubeObject): Promise<string> {
  const file = renderPath(directory, object);
  await fs.rm(file, { force: true });
  return file;
}

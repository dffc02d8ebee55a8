import { loadAll } from "js-yaml";
import { isNamespacedByName } from "./discovery";
import { isPlain, type KubeObject, namespaceOf, setMetadata } from "./objects";

/** The objects of a YAML text, as `yaml.ConfigFile` and `yaml.ConfigGroup` of the SDK want them; lists are opened. */
export function decodeYaml(text: string, defaultNamespace?: string): KubeObject[] {
  const objects = loadAll(text).filter((document) => document !== null && document !== undefined);
  return objects.flatMap((document) => flatten(document, defaultNamespace));
}

function flatten(document: unknown, defaultNamespace: string | undefined): KubeObject[] {
  if (!isPlain(document)) {
    throw new Error(`a document of the YAML is no Kubernetes object but ${JSON.stringify(document)?.slice(0, 60)}`);
  }
  if (typeof document.kind === "string" && document.kind.endsWith("List") && Array.isArray(document.items)) {
    return document.items.flatMap((item) => flatten(item, defaultNamespace));
  }
  if (defaultNamespace && !namespaceOf(document) && isNamespacedByName(String(document.kind))) {
    setMetadata(document, "namespace", defaultNamespace);
  }
  return [document];
}

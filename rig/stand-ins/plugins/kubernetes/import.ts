import { copy, isPlain, type KubeObject } from "./objects";

/** Metadata that belongs to the API server and its controllers, not to a program. */
const SERVER_METADATA = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];
const SERVER_ANNOTATIONS = ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];

/** The inputs that a program would give for a live object of which nothing else is known (import, `get`). */
export function importedInputs(live: KubeObject): KubeObject {
  const { status: _, ...inputs } = copy(live);
  if (isPlain(inputs.metadata)) {
    inputs.metadata = omit(inputs.metadata, SERVER_METADATA);
    if (isPlain(inputs.metadata.annotations)) {
      inputs.metadata.annotations = omit(inputs.metadata.annotations, SERVER_ANNOTATIONS);
    }
  }
  return inputs;
}

const omit = (map: KubeObject, keys: readonly string[]): KubeObject =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));

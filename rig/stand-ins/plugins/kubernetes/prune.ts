import { copy, isPlain, type KubeObject } from "./objects";

/**
 * The parts of `source` that `target` has as well: what the API server says about the fields that the program set.
 *
 * Lists are compared place by place; where types differ, the source's value stands.
 */
export function prune(source: KubeObject, target: KubeObject): KubeObject {
  const result: KubeObject = {};
  for (const [key, value] of Object.entries(source)) {
    if (key in target) {
      result[key] = pruneValue(value, target[key]);
    }
  }
  return result;
}

function pruneValue(value: unknown, target: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(target)) {
    return pruneList(value, target);
  }
  return isPlain(value) && isPlain(target) ? prune(value, target) : copy(value);
}

function pruneList(source: readonly unknown[], target: readonly unknown[]): unknown[] {
  if (source.length === 0 || target.length === 0) {
    return [];
  }
  return source.slice(0, target.length).map((value, index) => pruneValue(value, target[index]));
}

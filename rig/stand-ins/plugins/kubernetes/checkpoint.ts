// The form in which an object lies in the state: the live object's fields, and beside them the inputs it was made
// from, the API version it was first made with, and the name under which this plugin owns its fields.
import { randomBytes } from "node:crypto";
import { hasSecret, isMap, Output, type PropertyMap, type PropertyValue, Secret, secret } from "../protocol";
import { annotation, type KubeObject, PATCH_FIELD_MANAGER, toObject, toProperties } from "./objects";

const INPUTS = "__inputs";
const INITIAL_API_VERSION = "__initialApiVersion";
const FIELD_MANAGER = "__fieldManager";

/** What a state says. */
export interface Checkpoint {
  inputs: KubeObject;
  live: KubeObject;
  initialApiVersion?: string;
  fieldManager?: string;
}

/** Reads a state; secrets come out bare. */
export function readCheckpoint(state: PropertyMap): Checkpoint {
  const { [INPUTS]: inputs, [INITIAL_API_VERSION]: initialApiVersion, [FIELD_MANAGER]: fieldManager, ...live } = toObject(state);
  return {
    inputs: inputs ?? {},
    live,
    ...(typeof initialApiVersion === "string" ? { initialApiVersion } : {}),
    ...(typeof fieldManager === "string" ? { fieldManager } : {}),
  };
}

/**
 * Makes a state. What was secret in `marked` (inputs or an older state) is secret in it, and so is the data of
 * every Secret.
 */
export function writeCheckpoint(
  inputs: KubeObject,
  live: KubeObject,
  marked: PropertyMap,
  about: { initialApiVersion: string; fieldManager: string },
): PropertyMap {
  return {
    ...markSecrets(toProperties(live), marked),
    [INPUTS]: markSecrets(toProperties(inputs), marked),
    [INITIAL_API_VERSION]: about.initialApiVersion,
    [FIELD_MANAGER]: about.fieldManager,
  };
}

/**
 * Marks values as secret where `from` holds a secret at the same place. A list with a secret anywhere in it becomes a
 * secret as a whole, since lists can come back in another order.
 */
export function markSecrets(values: PropertyMap, from: PropertyMap | undefined): PropertyMap {
  const result: PropertyMap = { ...values };
  if (result.kind === "Secret") {
    for (const key of ["data", "stringData"]) {
      if (key in result) {
        result[key] = secret(result[key]);
      }
    }
  }
  for (const [key, marked] of Object.entries(from ?? {})) {
    const value = result[key];
    if (value === undefined || value instanceof Secret || (value instanceof Output && value.secret)) {
      continue;
    }
    if (isMap(value) && isMap(marked)) {
      result[key] = markSecrets(value, marked);
    } else if (hasSecret(marked as PropertyValue)) {
      result[key] = secret(value);
    }
  }
  // A secret in `stringData` lies in `data` after the API server, or `normalize`, has moved it there.
  if (isMap(result.data) && from?.stringData !== undefined && hasSecret(from.stringData)) {
    result.data = secret(result.data);
  }
  return result;
}

/** The name under which the plugin owns an object's fields: the annotation's, else the state's, else a new one. */
export function fieldManager(inputs: KubeObject, state?: Checkpoint): string {
  return annotation(inputs, PATCH_FIELD_MANAGER) || state?.fieldManager || `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

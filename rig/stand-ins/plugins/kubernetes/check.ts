// Check: canonical inputs, a name for what has none, a namespace for what needs one.
import { createHash, randomBytes } from "node:crypto";
import type { CheckRequest } from "../protocol";
import { Unknown } from "../protocol";
import { AUTONAMED, isAnnotated, type KubeObject, nameOf, setMetadata } from "./objects";

const MANAGED_BY = "app.kubernetes.io/managed-by";

/**
 * Names an object that the program did not name: the old name again where the plugin chose it, else the resource's
 * name and eight hex digits (the engine may propose another), with an annotation to know it by.
 */
export function assignName(
  inputs: KubeObject,
  old: KubeObject | undefined,
  request: Pick<CheckRequest, "name" | "randomSeed" | "autonaming">,
): void {
  if (inputs.metadata?.name !== undefined && inputs.metadata.name !== "") {
    return;
  }
  if (inputs.metadata?.generateName !== undefined) {
    throw new Error("the `.metadata.generateName` field is not supported in Server-Side Apply mode");
  }
  if (inputs.metadata instanceof Unknown) {
    return;
  }
  if (old && isAnnotated(old, AUTONAMED) && nameOf(old)) {
    chosen(inputs, nameOf(old));
    return;
  }
  if (old && nameOf(old)) {
    return;
  }
  const { autonaming } = request;
  if (autonaming?.mode === "disable") {
    throw new Error("autonaming is disabled, resource requires the .metadata.name field to be set");
  }
  const generated = `${request.name}-${suffix(request.randomSeed)}`;
  const proposed = autonaming?.proposedName ? autonaming.proposedName : generated;
  chosen(inputs, proposed);
}

function chosen(inputs: KubeObject, name: string): void {
  setMetadata(inputs, "name", name);
  setMetadata(inputs, "annotations", { ...(inputs.metadata.annotations ?? {}), [AUTONAMED]: "true" });
}

/** Eight hex digits, the same for the same seed. */
function suffix(seed: Uint8Array): string {
  return seed.length === 0 ? randomBytes(4).toString("hex") : createHash("sha256").update(seed).digest("hex").slice(0, 8);
}

/** Labels objects made without server-side apply; objects that were made without the label stay without. */
export function labelManaged(inputs: KubeObject, old: KubeObject | undefined): void {
  const wanted = old ? old.metadata?.labels?.[MANAGED_BY] === "pulumi" : true;
  if (wanted && !(inputs.metadata?.labels instanceof Unknown)) {
    setMetadata(inputs, "labels", { ...(inputs.metadata?.labels ?? {}), [MANAGED_BY]: "pulumi" });
  }
}

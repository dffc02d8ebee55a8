import { createHash } from "node:crypto";
import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** Kubernetes' recommended labels. `name` is what runs, `partOf` the component of this stack it belongs to. */
export function labelsOf(name: string, partOf: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/part-of": partOf,
    "app.kubernetes.io/managed-by": "pulumi",
  };
}

/** The one label that selectors use: it never changes, since a selector cannot. */
export function selectorOf(name: string): Record<string, string> {
  return { "app.kubernetes.io/name": name };
}

/** What the engine must not wait for: a service without pods gets no endpoints, a claim of local-path no volume before its pod. */
export const notAwaited = { "pulumi.com/skipAwait": "true" };

/** A pod as one numeric user that owns its volumes; passes the "restricted" pod security standard. */
export function podSecurity(user: number): kubernetes.types.input.core.v1.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  };
}

/** A container that can write to its volumes and nowhere else. */
export function containerSecurity(): kubernetes.types.input.core.v1.SecurityContext {
  return { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };
}

/**
 * Annotation that changes with what the pods read at their start only, so that a change of it restarts them. A digest
 * of keys and random secrets tells nothing about them, which is why it may be shown.
 */
export function checksum(inputs: Record<string, pulumi.Input<string>>): { "homelab/checksum": pulumi.Output<string> } {
  const digest = pulumi.output(inputs).apply((values) => digestOf(values));
  return { "homelab/checksum": pulumi.unsecret(digest) };
}

export function digestOf(values: Record<string, string>): string {
  const sorted = Object.keys(values)
    .sort()
    .map((key) => [key, values[key]]);
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

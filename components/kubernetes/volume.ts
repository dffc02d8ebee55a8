import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Size, toQuantity } from "../core/notations";
import { notAwaited } from "./workload";

/**
 * A volume that one pod at a time writes to. A class of undefined is the cluster's default, k3s' local-path; any other is part of
 * the claim's name. A claim's class cannot be changed, and a claim does not go while a pod uses it: under another name the new one is
 * there first, the pod moves, and then the old one goes.
 */
export function dataVolume(
  name: string,
  metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> },
  settings: { storage: Size; storageClass?: pulumi.Input<string> },
  options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.PersistentVolumeClaim {
  return new kubernetes.core.v1.PersistentVolumeClaim(
    name,
    {
      metadata: {
        ...metadata,
        name: pulumi.output(settings.storageClass).apply((known) => (known ? `${metadata.name}-${known}` : metadata.name)),
        annotations: notAwaited,
      },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: settings.storageClass,
        resources: { requests: { storage: toQuantity(settings.storage) } },
      },
    },
    options,
  );
}

import { readFileSync } from "node:fs";
import * as path from "node:path";
import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { containerSecurity } from "./workload";

/** What {@link follower} makes a container from. */
export interface FollowerArgs {
  name: string;
  /** An image with `/bin/sh` and `sleep`. */
  image: string;
  /** Folders where whole config maps or secrets are mounted; no `subPath`, which kubelet never updates. */
  folders: readonly string[];
  /** Run after a change. `signal NAME PROCESS` signals the main process of another container of the pod. */
  run: readonly [string, ...string[]];
  mounts: kubernetes.types.input.core.v1.VolumeMount[];
}

/**
 * A container that has files read again when Kubernetes changes them, so that a change restarts no pod. For a signal the pod needs
 * `shareProcessNamespace`, and one user for all its containers. kubelet brings a change within some 90 seconds.
 */
export function follower({ name, image, folders, run, mounts }: FollowerArgs): pulumi.Unwrap<kubernetes.types.input.core.v1.Container> {
  return {
    name,
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "-c", readFileSync(path.join(__dirname, "follow.sh"), "utf8"), "follow.sh", folders.join(" "), ...run],
    securityContext: containerSecurity(),
    resources: { requests: { cpu: "1m", memory: "4Mi" }, limits: { memory: "32Mi" } },
    // Without what it follows it is of no use; if it ends, Kubernetes sees that without a probe.
    livenessProbe: { exec: { command: ["/bin/sh", "-c", folders.map((each) => `cd ${each}/..data`).join(" && ")] }, periodSeconds: 60 },
    volumeMounts: mounts,
  } as pulumi.Unwrap<kubernetes.types.input.core.v1.Container>;
}

import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./schema";

/** Classes whose volumes are folders on the machines' disks. */
const onMachines = new Set([undefined, "local-path", "local-path-retain"]);

function volumesAreOnMachines({ cluster, monitoring, taskServers }: Settings): boolean {
  const { prometheus, alertmanager } = monitoring;
  const { taskd, taskchampion, backup } = taskServers;
  return (
    !cluster.disable.includes("local-storage") &&
    [prometheus, alertmanager, taskd, taskchampion, backup].every((each) => !("storageClass" in each) || onMachines.has(each.storageClass))
  );
}

/**
 * What is in the cluster goes with its machines: where all of them are released, nothing in it is deleted first, one by one. So a lab
 * whose cluster does not answer any more can be taken down as well. Volumes elsewhere, such as on a NAS, would stay: then all is deleted.
 *
 * @returns transformations for components in the cluster
 */
export function goneWith(cluster: pulumi.Resource, settings: Settings): pulumi.ResourceTransformation[] {
  if (!volumesAreOnMachines(settings)) {
    return [];
  }
  return [
    ({ type, props, opts }) =>
      type.startsWith("kubernetes:") && !type.startsWith("kubernetes:provider")
        ? { props, opts: { ...opts, deletedWith: opts.deletedWith ?? cluster } }
        : undefined,
  ];
}

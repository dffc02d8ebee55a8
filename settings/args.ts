import { imagesOf } from "../components/core/images";
import type { MachineAccess } from "../components/core/machine-access";
import { Secret, type SecretInput } from "../components/core/secret";
import type { K3sCluster } from "../components/k3s/k3s-cluster";
import type { TaskServersArgs } from "../components/taskserver/args";
import type { Settings } from "./schema";

/**
 * Settings as the components' arguments: the only place that knows both vocabularies. Pure.
 */

/** A value of a secret setting, which a plain string is as well. */
function secret<T>(value: T | Secret<T>): SecretInput<T> {
  return Secret.isInstance(value) ? (value as Secret<T>) : new Secret(value);
}

/** `homelab:taskServers` as the task servers' arguments. */
export function taskServersArgs(
  settings: Settings,
  cluster: Pick<K3sCluster, "provider">,
  machines: readonly MachineAccess[],
): TaskServersArgs {
  const { hostname, alternativeNames, organisations, certificates, namespace, ...servers } = settings.taskServers;
  const { authority, ...form } = certificates;
  const { enabled: taskd, ...taskdOptions } = servers.taskd;
  const { enabled: taskchampion, ...taskchampionOptions } = servers.taskchampion;
  const { enabled: backup, objectStorage, ...backupOptions } = servers.backup;
  return {
    provider: cluster.provider,
    reachableAt: { hostname, names: alternativeNames, hosts: machines },
    organisations,
    taskd: taskd && taskdOptions,
    taskchampion: taskchampion && taskchampionOptions,
    certificates: form,
    authority: authority && { certificate: authority.certificate, privateKey: secret(authority.privateKey) },
    backup: backup && {
      ...backupOptions,
      objectStorage: objectStorage && { ...objectStorage, secretAccessKey: secret(objectStorage.secretAccessKey) },
    },
    namespace,
    images: imagesOf(settings.images),
  };
}

import * as yaml from "js-yaml";
import type { K3sOptions } from "./args";
import type { RemoteFile } from "./scripts";
import { MANIFESTS } from "./virtual-address";

/** The class that claims get when they name none; see \`choose_storage_class\` in the scripts. */
export function defaultStorageClass({ storage, disable }: Pick<K3sOptions, "storage" | "disable">): string | undefined {
  if (disable.includes("local-storage")) {
    return undefined;
  }
  return storage.onDelete === "retain" ? "local-path-retain" : "local-path";
}

/** A storage class beside k3s' own that keeps a volume's files when its claim goes. */
export function storageFiles({ storage }: Pick<K3sOptions, "storage">): RemoteFile[] {
  const retain = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name: "local-path-retain",
      labels: { "app.kubernetes.io/managed-by": "homelab" },
      // As k3s' own class: as a hostPath, the provisioner's default, a volume gets no fsGroup and the kubelet counts nothing of it.
      annotations: { defaultVolumeType: "local" },
    },
    provisioner: "rancher.io/local-path",
    reclaimPolicy: "Retain",
    volumeBindingMode: "WaitForFirstConsumer",
  };
  const content = storage.onDelete === "retain" ? yaml.dump(retain, { sortKeys: true }) : undefined;
  return [{ path: `${MANIFESTS}/homelab-storage.yaml`, mode: "0600", content }];
}

// Which changes the API server does not take in place, so that the object has to be made anew.
import { type GroupVersionKind, gvkOf, isCore, isPlain, type KubeObject } from "./objects";

/** A place in an object: keys and list indices. */
export type Path = readonly (string | number)[];

const IDENTITY = ["metadata.name", "metadata.namespace"];
const WORKLOAD = ["spec.selector"];
const STATEFUL_SET = [
  "spec.podManagementPolicy",
  "spec.revisionHistoryLimit",
  "spec.selector",
  "spec.serviceName",
  "spec.volumeClaimTemplates",
];
const JOB = ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"];

const VOLUME_SOURCES = [
  "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs hostPath iscsi local nfs",
  "photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume",
]
  .join(" ")
  .split(" ");
const POD = [
  "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID hostname imagePullSecrets",
  "nodeName nodeSelector overhead preemptionPolicy priority priorityClassName readinessGates restartPolicy runtimeClassName schedulerName",
  "securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain terminationGracePeriodSeconds volumes",
]
  .join(" ")
  .split(" ");
const CONTAINER = [
  "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext stdin stdinOnce",
  "terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir",
]
  .join(" ")
  .split(" ");

/** `<group>/<version>/<kind>` (the core group is empty) to the fields; `*` stands for a list's items. */
const FIELDS: Record<string, readonly string[]> = {
  "apps/v1/DaemonSet": WORKLOAD,
  "apps/v1/Deployment": WORKLOAD,
  "apps/v1/StatefulSet": STATEFUL_SET,
  "apps/v1beta2/DaemonSet": WORKLOAD,
  "apps/v1beta2/Deployment": WORKLOAD,
  "apps/v1beta2/StatefulSet": STATEFUL_SET,
  "apps/v1beta1/StatefulSet": STATEFUL_SET,
  "batch/v1/Job": JOB,
  "batch/v1beta1/Job": JOB,
  "policy/v1beta1/PodDisruptionBudget": ["spec"],
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1/RoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1beta1/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1beta1/RoleBinding": ["roleRef"],
  "storage.k8s.io/v1/StorageClass": ["parameters", "provisioner"],
  "/v1/PersistentVolume": VOLUME_SOURCES.map((source) => `spec.${source}`),
  "/v1/PersistentVolumeClaim": ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  "/v1/Pod": [
    ...POD.map((field) => `spec.${field}`),
    ...["containers", "initContainers"].flatMap((list) => CONTAINER.map((field) => `spec.${list}.*.${field}`)),
  ],
  "/v1/ResourceQuota": ["spec.scopes"],
  "/v1/Secret": ["type"],
  "/v1/Service": ["spec.clusterIP"],
};

/** Whether data of ConfigMaps and of Secrets may change in place. */
export interface Mutability {
  configMaps: boolean;
  secrets: boolean;
}

/** The fields whose change replaces the object. A patch of a foreign object only ever changes identity. */
export function replacingFields(inputs: KubeObject, mutable: Mutability, isPatch: boolean): string[] {
  if (isPatch) {
    return IDENTITY;
  }
  if (isCore(inputs, "ConfigMap") && (!mutable.configMaps || inputs.immutable === true)) {
    return [...IDENTITY, "binaryData", "data", "immutable"];
  }
  if (isCore(inputs, "Secret") && (!mutable.secrets || inputs.immutable === true)) {
    return [...IDENTITY, "type", "stringData", "data"];
  }
  return [...IDENTITY, ...(FIELDS[key(gvkOf(inputs))] ?? [])];
}

const key = ({ group, version, kind }: GroupVersionKind): string => `${group}/${version}/${kind}`;

/** Whether a change at `path` to `value` touches one of the fields: it lies in the field, or brings it along. */
export function touches(path: Path, value: unknown, fields: readonly string[]): boolean {
  return fields.some((field) => {
    const steps = field.split(".");
    const shared = Math.min(steps.length, path.length);
    for (let index = 0; index < shared; index++) {
      const step = path[index];
      if (typeof step === "number" ? steps[index] !== "*" : steps[index] !== step) {
        return false;
      }
    }
    return contains(value, steps.slice(shared));
  });
}

function contains(value: unknown, steps: readonly string[]): boolean {
  if (steps.length === 0) {
    return true;
  }
  const [first, ...rest] = steps;
  if (first === "*") {
    return Array.isArray(value) && value.some((item) => contains(item, rest));
  }
  return isPlain(value) && first in value && contains(value[first], rest);
}

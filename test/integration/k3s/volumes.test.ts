import * as fs from "node:fs";
import * as path from "node:path";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { Sandbox } from "./sandbox";

/**
 * `kubectl` of a real API server with no kubelet behind it: pods are as ready as the test wants, and what runs in a helper runs here, in a
 * folder that stands for its node's disk.
 */
const K3S = (kubectl: string) => `#!/bin/sh
shift
case "$*" in
*" exec --stdin homelab-volumes-"*)
  while [ "$1" != -- ]; do
    case "$1" in homelab-volumes-source) disk=/var/lib/disks/node1 ;; homelab-volumes-target) disk=/var/lib/disks/node2 ;; esac
    shift
  done
  shift
  exec unshare --mount --propagation private sh -c 'mkdir -p /volumes && mount --bind "$0" /volumes && exec "$@"' "$disk" "$@"
  ;;
*"get pods --selector app.kubernetes.io/name=homelab-volumes"*) echo "true true" ;;
*) exec ${kubectl} kubectl "$@" ;;
esac
`;

let plane: ControlPlane;
let sandbox: Sandbox;
const namespace = "/api/v1/namespaces/tasks";
const claimOf = async () => plane.request("GET", `${namespace}/persistentvolumeclaims/taskd-data`);
const volumeOf = async () => plane.request("GET", "/api/v1/persistentvolumes/pv-1");
const eventually = async (holds: () => Promise<boolean>) => {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

async function node(name: string, more: object = {}): Promise<void> {
  await plane.request("POST", "/api/v1/nodes", { metadata: { name, labels: { "kubernetes.io/hostname": name } }, spec: more });
  const conditions = [{ type: "Ready", status: "True", reason: "Test", lastHeartbeatTime: new Date(Date.now() + 3600_000).toISOString() }];
  await plane.request("PATCH", `/api/v1/nodes/${name}/status`, { status: { conditions } }, "application/merge-patch+json");
}

/** A claim whose volume lies on node1, and a pod there that uses it. */
async function volumeOnNode1(provisioner = "rancher.io/local-path"): Promise<void> {
  await plane.request("POST", "/api/v1/namespaces", { metadata: { name: "tasks" } });
  await eventually(async () => (await plane.request("GET", `${namespace}/serviceaccounts/default`))?.kind === "ServiceAccount");
  await plane.request("POST", `${namespace}/persistentvolumeclaims`, {
    metadata: { name: "taskd-data" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local-path",
      volumeName: "pv-1",
      resources: { requests: { storage: "1Gi" } },
    },
  });
  const { metadata } = await claimOf();
  await plane.request("POST", "/api/v1/persistentvolumes", {
    metadata: { name: "pv-1", annotations: { "pv.kubernetes.io/provisioned-by": provisioner } },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local-path",
      persistentVolumeReclaimPolicy: "Delete",
      local: { path: "/var/lib/rancher/k3s/storage/pv-1" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "tasks", name: "taskd-data", uid: metadata.uid },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["node1"] }] }] },
      },
    },
  });
  await eventually(async () => (await claimOf()).status.phase === "Bound");
  await plane.request("POST", `${namespace}/pods`, {
    metadata: { name: "taskd-0" },
    spec: {
      nodeName: "node1",
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "taskd", image: "taskd", env: [{ name: "TEXT", value: "two\nlines" }] }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "taskd-data" } }],
    },
  });
  await plane.request("POST", "/api/v1/namespaces/kube-system/configmaps", {
    metadata: { name: "local-path-config" },
    data: { "helperPod.yaml": "spec:\n  containers:\n    - { name: helper-pod, image: busybox, imagePullPolicy: IfNotPresent }\n" },
  });
  const files = sandbox.at("/var/lib/disks/node1/pv-1");
  fs.mkdirSync(path.join(files, "orgs"), { recursive: true });
  fs.writeFileSync(path.join(files, "orgs", "tx.data"), "a task\n", { mode: 0o600 });
  fs.chownSync(path.join(files, "orgs", "tx.data"), 10589, 10589);
}

const remove = (more: Record<string, string> = {}) => sandbox.run({ node: "node1", "drain-timeout": "5", ...more }, "", "remove");
const there = (node: string) => sandbox.at(`/var/lib/disks/${node}/pv-1/orgs/tx.data`);

beforeEach(async () => {
  plane = await startControlPlane();
  sandbox = await new Sandbox().open();
  fs.mkdirSync(sandbox.at("/etc/rancher/k3s"), { recursive: true });
  fs.writeFileSync(sandbox.at("/etc/rancher/k3s/k3s.yaml"), plane.kubeconfig);
  fs.mkdirSync(sandbox.at("/var/lib/disks/node2"), { recursive: true });
  fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), K3S(plane.kubectl), { mode: 0o755 });
  await node("node1");
  await node("node2");
});
afterEach(async () => {
  await plane.stop();
  await sandbox.close();
});

describe("k3s.sh remove", () => {
  it("moves a local volume to another node while no pod uses it: the same files, the same claim", async () => {
    await volumeOnNode1();
    const before = (await claimOf()).metadata.uid;
    expect(await remove()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("moving the volume of tasks/taskd-data from node1 to node2"),
    });
    expect([fs.readFileSync(there("node2"), "utf8"), fs.statSync(there("node2")).uid]).toEqual(["a task\n", 10589]);
    const volume = await volumeOf();
    expect(volume.spec).toMatchObject({
      persistentVolumeReclaimPolicy: "Delete",
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ values: ["node2"] }] }] } },
    });
    const claim = await claimOf();
    expect([claim.metadata.uid, claim.status.phase]).toEqual([before, "Bound"]);
    expect((await plane.request("GET", `${namespace}/pods/taskd-0`)).reason).toBe("NotFound");
    expect((await plane.request("GET", "/api/v1/nodes/node1")).reason).toBe("NotFound");
    const left = await plane.request("GET", "/api/v1/namespaces/kube-system/configmaps");
    expect(left.items.map((each: { metadata: { name: string } }) => each.metadata.name)).not.toContain("homelab-volumes-pv-1");
  });

  it("keeps a node in service whose volumes no other node can take, and names them", async () => {
    await volumeOnNode1();
    await plane.request(
      "PATCH",
      "/api/v1/nodes/node2",
      { spec: { taints: [{ key: "only", value: "gpu", effect: "NoSchedule" }] } },
      "application/merge-patch+json",
    );
    const refused = await remove();
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no other node that is Ready and takes pods") });
    expect(refused.stderr).toContain("tasks/taskd-data (pv-1)");
    expect(refused.stderr).toContain("homelab:cluster.loseVolumesOf");
    expect((await plane.request("GET", "/api/v1/nodes/node1")).spec.unschedulable).toBeUndefined();
    expect((await plane.request("GET", `${namespace}/pods/taskd-0`)).metadata.name).toBe("taskd-0");
    expect(await remove({ "lose-volumes": "true" })).toMatchObject({ code: 0 });
  });

  it("leaves volumes of others alone", async () => {
    await volumeOnNode1("topolvm.io");
    const refused = await remove();
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("tasks/taskd-data (pv-1)")]);
    expect((await volumeOf()).spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values).toEqual(["node1"]);
  });

  it("makes the volume of a move that was killed before it had the new one", async () => {
    await volumeOnNode1();
    const volume = await volumeOf();
    const { uid: _, resourceVersion: __, creationTimestamp: ___, finalizers: ____, ...metadata } = volume.metadata;
    const moved = JSON.parse(
      JSON.stringify({ apiVersion: "v1", kind: "PersistentVolume", metadata, spec: volume.spec }).replace("node1", "node2"),
    );
    await plane.request("POST", "/api/v1/namespaces/kube-system/configmaps", {
      metadata: {
        name: "homelab-volumes-pv-1",
        labels: { "app.kubernetes.io/name": "homelab-volumes", "homelab.internal/volume": "pv-1" },
      },
      data: { volume: JSON.stringify(moved) },
    });
    await plane.request("DELETE", "/api/v1/persistentvolumes/pv-1");
    await plane.request("PATCH", "/api/v1/persistentvolumes/pv-1", { metadata: { finalizers: null } }, "application/merge-patch+json");
    await eventually(async () => (await claimOf()).status.phase === "Lost");
    expect(await remove()).toMatchObject({ code: 0 });
    expect((await volumeOf()).spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values).toEqual(["node2"]);
    await eventually(async () => (await claimOf()).status.phase === "Bound");
  });
});

import type { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { TaskJobs } from "../../../cli/live/task-jobs";

/** A cluster in which a server's pod comes back at once, after a restore that said this. */
function clusterThat(said: string): KubernetesApi {
  let uid = 1;
  const core = {
    readNamespacedPod: async () => ({ metadata: { uid: String(uid) }, status: { conditions: [{ type: "Ready", status: "True" }] } }),
    deleteNamespacedPod: async () => void uid++,
    readNamespacedPodLog: async ({ container }: { container: string }) => (container === "restore" ? said : ""),
  };
  return { core: async () => core } as unknown as KubernetesApi;
}

describe("a restore of tasks", () => {
  it("has ended when the server's pod is back", async () => {
    await new TaskJobs(clusterThat("restored taskd-20260102T030405Z.tar.gz\n"), "tasks").restart("taskd");
  });

  it("fails with the reason where the pod came back with the old data", async () => {
    const said = "tar: short read\nnot restored: taskd-20260102T030405Z.tar.gz cannot be unpacked\n";
    await expect(new TaskJobs(clusterThat(said), "tasks").restart("taskd")).rejects.toThrow(
      "taskd: not restored: taskd-20260102T030405Z.tar.gz cannot be unpacked",
    );
  });
});

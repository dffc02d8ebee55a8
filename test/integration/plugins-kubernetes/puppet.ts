// Plays the kubelet: a control plane without nodes makes pods, and this says how they fare.
import type { ControlPlane } from "./control-plane";

const MERGE = "application/merge-patch+json";

export class Puppet {
  constructor(
    private readonly plane: ControlPlane,
    private readonly namespace: string,
  ) {}

  /** Pods with this label, once there are so many. */
  async pods(app: string, count = 1): Promise<any[]> {
    return this.until(async () => {
      const { items = [] } = await this.plane.request("GET", `/api/v1/namespaces/${this.namespace}/pods?labelSelector=app%3D${app}`);
      const alive = items.filter((pod: any) => !pod.metadata.deletionTimestamp);
      return alive.length >= count ? alive : undefined;
    });
  }

  /** Lets every such pod run and be ready. */
  async ready(app: string, count = 1): Promise<void> {
    for (const pod of await this.pods(app, count)) {
      await this.bind(pod);
      await this.status(pod, {
        phase: "Running",
        podIP: "10.42.0.9",
        podIPs: [{ ip: "10.42.0.9" }],
        conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({ type, status: "True" })),
        containerStatuses: [{ name: "c", ready: true, started: true, restartCount: 0, image: "x", imageID: "x", state: { running: {} } }],
      });
    }
  }

  /** Lets every such pod wait for that reason. */
  async waiting(app: string, reason: string, message: string): Promise<void> {
    for (const pod of await this.pods(app)) {
      await this.status(pod, {
        phase: "Pending",
        conditions: [
          { type: "PodScheduled", status: "True" },
          { type: "Initialized", status: "True" },
          { type: "Ready", status: "False", reason: "ContainersNotReady", message: "containers with unready status: [c]" },
        ],
        containerStatuses: [{ name: "c", ready: false, restartCount: 0, image: "x", imageID: "", state: { waiting: { reason, message } } }],
      });
    }
  }

  /** Lets every such pod end. */
  async ended(app: string, exitCode: number): Promise<void> {
    for (const pod of await this.pods(app)) {
      const terminated = { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAt: new Date(0).toISOString() };
      await this.status(pod, {
        phase: exitCode === 0 ? "Succeeded" : "Failed",
        conditions: [{ type: "PodScheduled", status: "True" }],
        containerStatuses: [{ name: "c", ready: false, restartCount: 0, image: "x", imageID: "x", state: { terminated } }],
      });
    }
  }

  /** Gives the pod to the one node there is: endpoints need one. */
  private async bind(pod: any): Promise<void> {
    const { namespace, name } = pod.metadata;
    await this.plane.request("POST", "/api/v1/nodes", { metadata: { name: "puppet" } });
    const binding = { metadata: { name, namespace }, target: { apiVersion: "v1", kind: "Node", name: "puppet" } };
    await this.plane.request("POST", `/api/v1/namespaces/${namespace}/pods/${name}/binding`, binding);
  }

  async status(object: any, status: any): Promise<void> {
    const { namespace, name } = object.metadata;
    await this.plane.request("PATCH", `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status }, MERGE);
  }

  /** The first value that is there. */
  async until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const found = await look();
      if (found !== undefined) {
        return found;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("what was waited for did not come");
  }
}

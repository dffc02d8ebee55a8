import { engineUp } from "./engine-run";
import { requireConsents } from "./guard";
import type { OpenLab } from "./open-lab";
import { say } from "./progress";

const urn = (stack: string, type: string, name: string) => `urn:pulumi:${stack}::homelab::homelab:k3s:Cluster$${type}::${name}`;

/**
 * A restored cluster has the certificates of the backup's time: the kubeconfig in the stack is read anew first, or nothing
 * could be asked. Then the objects that are not in the backup are missed and made.
 */
export async function adoptRestored(lab: OpenLab): Promise<void> {
  const kubeconfig = urn(lab.stack, "command:remote:Command", "k3s-kubeconfig");
  const provider = urn(lab.stack, "pulumi:providers:kubernetes", "k3s");
  say("\nReading the restored cluster's kubeconfig (pulumi up of that alone)");
  const { code: first } = await engineUp(lab, ["--replace", kubeconfig, "--target", kubeconfig, "--target", provider]);
  say("\nComparing the restored cluster with the settings (pulumi up --refresh)");
  if (first === 0) {
    // Settings that were edited and not applied take part in this run.
    await requireConsents(lab, ["--refresh"]);
  }
  const code = first === 0 ? (await engineUp(lab, ["--refresh"])).code : first;
  if (code !== 0) {
    throw new Error(
      "The cluster is restored, but the stack did not come up on it: the first error above says why. Fix it and run './lab up'.",
    );
  }
}

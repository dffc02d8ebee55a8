import { verb } from "../scripts";
import type { Host, Shell } from "./shell";

/**
 * Takes k3s off all machines and leaves the machines: agents first, then servers, the one that knows the volumes last.
 *
 * @throws RemoteFailure naming the persistent volumes while there are any, unless `loseVolumes` is set
 */
export async function reset(shell: Shell, hosts: readonly Host[], loseVolumes: boolean, progress?: (line: string) => void): Promise<void> {
  const ordered = [...hosts].sort((a, b) => Number(a.role === "server") - Number(b.role === "server"));
  for (const host of ordered) {
    await shell.run(host, verb("reset", { role: host.role, "lose-volumes": loseVolumes ? "true" : undefined }), { progress });
  }
}

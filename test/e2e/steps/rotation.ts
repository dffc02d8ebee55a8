import { X509Certificate } from "node:crypto";
import * as yaml from "js-yaml";
import { ApiWatch, type Availability } from "../support/api-watch";
import { failureOf, type TestLab } from "../support/lab";
import type { LabMachine } from "../support/machines";
import { changeSettings } from "../support/settings";

const minutes = 60_000;
const TLS = "/var/lib/rancher/k3s/server/tls";

/** The certificate of the cluster's authority in a kubeconfig. */
function authorityOf(kubeconfig: string): string {
  const { clusters } = yaml.load(kubeconfig) as { clusters: { cluster: { "certificate-authority-data": string } }[] };
  return new X509Certificate(Buffer.from(clusters[0].cluster["certificate-authority-data"], "base64")).subject;
}

/**
 * All generations of the cluster at once, on its servers one after another.
 *
 * @param servers machines that are servers now
 * @param figures where the availability of the API is noted
 */
export function rotationSteps(lab: TestLab, servers: readonly LabMachine[], figures: Record<string, Availability>): void {
  it(
    "has other tokens, authorities and certificates one server after another, and answers meanwhile to who trusts the old ones",
    async () => {
      const { kubeconfig } = await lab.stackOutputs<{ kubeconfig: string }>();
      const serials = async (name: string) =>
        Promise.all(servers.map(async (server) => new X509Certificate(await server.run("cat", `${TLS}/${name}.crt`)).serialNumber));
      const tokens = () => Promise.all(servers.map((server) => server.run("sha256sum", "/etc/rancher/k3s/token")));
      const [before, tokensBefore] = [await serials("client-ca"), await tokens()];
      changeSettings(lab, (config) => {
        const cluster = config["homelab:cluster"];
        for (const generation of ["tokenGeneration", "certificateGeneration", "authorityGeneration"]) {
          cluster[generation] = (cluster[generation] ?? 1) + 1;
        }
      });
      const api = new ApiWatch(kubeconfig);
      expect(failureOf(await lab.lab("up"))).toBe("");
      figures.rotated = await api.stop();
      expect(figures.rotated.failed / figures.rotated.requests).toBeLessThan(0.2);

      const after = await serials("client-ca");
      expect(new Set(after).size).toBe(1);
      expect(before).not.toContain(after[0]);
      expect(new Set(await tokens()).size).toBe(1);
      expect(tokensBefore).not.toContain((await tokens())[0]);
      for (const server of servers) {
        const leaf = new X509Certificate(await server.run("cat", `${TLS}/serving-kube-apiserver.crt`));
        expect(leaf.issuer).toContain("OU=homelab generation 2");
        expect(await server.run("ls", "/var/lib/rancher/k3s/server")).not.toContain("rotate-ca");
        // What the other servers' API servers trust, and what pods are given.
        const given = await server.kubectl("get", "configmap", "kube-root-ca.crt", "--output", "jsonpath={.data.ca\\.crt}");
        expect(new X509Certificate(given).subject).toContain("OU=homelab generation 2");
        expect(await server.kubectl("get", "--raw", "/readyz")).toBe("ok");
      }
      const renewed = (await lab.stackOutputs<{ kubeconfig: string }>()).kubeconfig;
      expect([authorityOf(kubeconfig), authorityOf(renewed)]).toEqual([
        expect.not.stringContaining("homelab generation"),
        expect.stringContaining("OU=homelab generation 2"),
      ]);
      expect((await lab.lab("report")).stdout).toBe("sim: Nothing changes.\n");
    },
    15 * minutes,
  );
}

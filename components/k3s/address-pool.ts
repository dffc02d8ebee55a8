import * as yaml from "js-yaml";
import type { Images } from "../core/images";
import type { InClear } from "../core/secret-output";
import type { K3sOptions } from "./args";
import type { RemoteFile } from "./scripts";
import { MANIFESTS } from "./virtual-address";

const NAMESPACE = "metallb-system";

/** The speaker answers ARP from the machine's own network, which only `privileged` allows; hardening makes `restricted` the default. */
const PRIVILEGED = Object.fromEntries(["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "privileged"]));

/** `registry/repository:tag` in the two values that charts want. */
function imageValues(reference: string): { repository: string; tag: string } {
  const at = reference.lastIndexOf(":");
  return { repository: reference.slice(0, at), tag: reference.slice(at + 1) };
}

/** What k3s leaves out: what the settings say, and its own load balancer when there is a pool: two would fight over each service. */
export function disabledComponents({ disable, addressPool }: { disable: readonly string[]; addressPool?: object }): string[] {
  return [...new Set([...disable, ...(addressPool ? ["servicelb"] : [])])].sort();
}

/** Whether a service of type LoadBalancer gets an address of its own, and not the machines'. */
export function ownAddresses(cluster: { disable: readonly string[]; addressPool?: object }): boolean {
  return disabledComponents(cluster).includes("servicelb");
}

/**
 * MetalLB by k3s' Helm controller, and the pool that it gives addresses from. k3s applies the manifest again until the chart has made
 * the kinds that the pool is of.
 *
 * @see https://docs.k3s.io/helm
 * @see https://metallb.universe.tf/configuration/#layer-2-configuration
 */
function addressPoolManifest({ addresses, repository }: NonNullable<InClear<K3sOptions["addressPool"]>>, images: Images): string {
  const controller = imageValues(images.ref("metallb-controller"));
  const values = {
    controller: { image: controller },
    // Addresses are announced by ARP: no routing daemon, and announced for by servers as well.
    speaker: { image: imageValues(images.ref("metallb-speaker")), frr: { enabled: false }, ignoreExcludeLB: true },
    frrk8s: { enabled: false },
  };
  const metadata = (name: string, namespace: string) => ({ name, namespace, labels: { "app.kubernetes.io/managed-by": "homelab" } });
  const objects = [
    // Always, and not only with hardening: k3s deletes what a manifest no longer has.
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: NAMESPACE, labels: { "app.kubernetes.io/managed-by": "homelab", ...PRIVILEGED } },
    },
    {
      apiVersion: "helm.cattle.io/v1",
      kind: "HelmChart",
      metadata: metadata("metallb", "kube-system"),
      spec: {
        chart: "metallb",
        repo: repository,
        version: controller.tag.replace(/^v/, ""),
        targetNamespace: NAMESPACE,
        createNamespace: true,
        valuesContent: yaml.dump(values, { sortKeys: true }),
      },
    },
    { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: metadata("homelab", NAMESPACE), spec: { addresses } },
    {
      apiVersion: "metallb.io/v1beta1",
      kind: "L2Advertisement",
      metadata: metadata("homelab", NAMESPACE),
      spec: { ipAddressPools: ["homelab"] },
    },
  ];
  return objects.map((object) => yaml.dump(object, { sortKeys: true, lineWidth: -1, noRefs: true })).join("---\n");
}

/** The manifest on servers, taken away when the settings name no pool. */
export function addressPoolFiles({ addressPool }: InClear<Pick<K3sOptions, "addressPool">>, images: Images): RemoteFile[] {
  const content = addressPool && addressPoolManifest(addressPool, images);
  return [{ path: `${MANIFESTS}/homelab-address-pool.yaml`, mode: "0600", content }];
}

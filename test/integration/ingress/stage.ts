import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { ControlPlane } from "../../support/control-plane";

/** What tests of the ingress share: a cluster without nodes, whose pods' programs run here. */

export const DOMAIN = "lab.home.arpa";
/**
 * For documentation (RFC 5737): nobody else has it. API servers refuse loopback addresses as endpoints. Each of jest's workers has its own:
 * two files would want the same ports of it.
 */
export const ADDRESS = `198.51.100.${42 + Number(process.env.JEST_WORKER_ID ?? 1)}`;

/** Tries again until it goes well; throws what the last try threw. */
export async function eventually(work: () => Promise<void>, tries = 100): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left <= 0) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Applies an object as it is. */
export async function apply(cluster: ControlPlane, object: any): Promise<void> {
  const group = object.apiVersion.includes("/") ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  const plural = object.kind === "NetworkPolicy" ? "networkpolicies" : `${object.kind.toLowerCase()}${/s$/.test(object.kind) ? "es" : "s"}`;
  const wide = ["Namespace", "ClusterRole", "ClusterRoleBinding", "IngressClass", "CustomResourceDefinition"].includes(object.kind);
  const where = wide ? "" : `/namespaces/${object.metadata.namespace}`;
  const answer = await cluster.request(
    "PATCH",
    `${group}${where}/${plural}/${object.metadata.name}?fieldManager=test&force=true&fieldValidation=Strict`,
    object,
    "application/apply-patch+yaml",
  );
  if (answer?.kind !== object.kind) {
    throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(answer)}`);
  }
}

const manifest = path.join(__dirname, "../../../rig/stand-ins/k3s/internal/addons/manifests/traefik.yaml");

/** Traefik as the embedded k3s installs it. */
export const packaged = yaml.loadAll(fs.readFileSync(manifest, "utf8")) as any[];

/** Arguments of its pod, on the ports of its service. */
export function traefikArguments(): string[] {
  const deployment = packaged.find(({ kind }) => kind === "Deployment");
  return deployment.spec.template.spec.containers[0].args.map((each: string) =>
    each
      .replace("=:8000/tcp", `=${ADDRESS}:80/tcp`)
      .replace("=:8443/tcp", `=${ADDRESS}:443/tcp`)
      .replace(/=:(\d+)\/tcp/, `=${ADDRESS}:$1/tcp`),
  );
}

/** This computer has the ingress's address. */
export function haveAddress(): void {
  execFileSync("ip", ["address", "replace", `${ADDRESS}/32`, "dev", "lo"]);
}

/** Undoes it. */
export function dropAddress(): void {
  execFileSync("sh", ["-c", `ip address delete ${ADDRESS}/32 dev lo 2>/dev/null || true`]);
}

import { createHash } from "node:crypto";

/** What a deployment is made of. */
export interface DeploymentParts {
  /** Name of this very deployment; two of the same content differ in it. */
  incarnation: string;
  osRelease?: string;
  kernel?: string;
  ephemeral: boolean;
  hardwareSync: boolean;
  hosting?: string;
  userData: string;
}

/** What makes a deployment another one: a change of it is a replacement. */
export function digestOf({ incarnation, osRelease, kernel, ephemeral, hardwareSync, hosting, userData }: DeploymentParts): string {
  const parts = [incarnation, osRelease ?? "", kernel ?? "", ephemeral, hardwareSync, userData, ...(hosting ? [hosting] : [])];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

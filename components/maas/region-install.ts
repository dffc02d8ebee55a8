import type { InClear } from "../core/secret-output";
import { quote } from "../core/shell";
import { parsedUrl } from "../core/url";
import type { InstallArgs } from "./args/installation";

/** Where `scripts/region.sh` lies on the region controller. */
export const SCRIPT = "/usr/local/lib/homelab/maas-region.sh";

/** Parameters only; see `scripts/region.sh`. */
export function installCommand(url: string, { channel, admin }: InClear<Pick<InstallArgs, "channel" | "admin">>): string {
  const { hostname, port, protocol } = parsedUrl("url", url);
  const words = [
    `channel=${channel}`,
    // Machines boot over plain HTTP whatever the API speaks.
    `url=http://${hostname}:5240/MAAS`,
    `username=${admin?.username ?? "admin"}`,
    `email=${admin?.email ?? "admin@homelab.internal"}`,
    `tls_port=${protocol === "https:" ? port || 443 : 5443}`,
  ];
  return ["sudo -n sh", SCRIPT, "install", ...words.map(quote)].join(" ");
}

export function secretsOnStdin({ database, tls }: InClear<Pick<InstallArgs, "database" | "tls">>, password: string): string {
  const secrets = { password, database, key: tls?.key, certificate: tls?.certificate, authority: tls?.authority };
  return Object.entries(secrets)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${name} ${Buffer.from(value, "utf8").toString("base64")}\n`)
    .join("");
}

import * as yaml from "js-yaml";
import type { InClear } from "../core/secret-output";
import type { RegistriesOptions } from "./args";
import type { RemoteFile } from "./scripts";

/**
 * `registries.yaml` of containerd's mirrors and credentials; removed when the settings name none.
 *
 * @see https://docs.k3s.io/installation/private-registry
 */
export function registryFiles(registries: InClear<RegistriesOptions>): RemoteFile[] {
  const mirrors = Object.fromEntries(
    Object.entries(registries.mirrors).map(([name, { endpoints, rewrite }]) => [
      name,
      { endpoint: endpoints, ...(rewrite && { rewrite }) },
    ]),
  );
  const configs = Object.fromEntries(
    Object.entries(registries.hosts).map(([host, { auth, tls }]) => [
      host,
      {
        ...(auth && { auth }),
        ...(tls && { tls: { ...(tls.caFile && { ca_file: tls.caFile }), ...(tls.skipVerify && { insecure_skip_verify: true }) } }),
      },
    ]),
  );
  const document = { ...(Object.keys(mirrors).length > 0 && { mirrors }), ...(Object.keys(configs).length > 0 && { configs }) };
  const content = Object.keys(document).length > 0 ? yaml.dump(document, { sortKeys: true, lineWidth: -1 }) : undefined;
  return [{ path: "/etc/rancher/k3s/registries.yaml", mode: "0600", content }];
}

import { toSeconds } from "../core/notations";
import type { InClear } from "../core/secret-output";
import type { DefaultsArgs } from "./args/region";

/** MAAS's own settings by the names of its API, from the settings' words; only what is given. */
export function regionConfig(defaults: InClear<DefaultsArgs>): Record<string, string | number | boolean> {
  const { proxy, nodeTimeout } = defaults;
  const values: Record<string, string | number | boolean | undefined> = {
    default_osystem: defaults.os,
    default_distro_series: defaults.release,
    commissioning_distro_series: defaults.commissioningRelease,
    default_min_hwe_kernel: defaults.minimalKernel,
    kernel_opts: defaults.kernelOptions,
    ntp_servers: defaults.ntpServers?.join(" "),
    ntp_external_only: defaults.ntpExternalOnly,
    upstream_dns: defaults.dnsForwarders?.join(" "),
    dnssec_validation: defaults.dnssec,
    enable_http_proxy: proxy === undefined ? undefined : proxy !== false,
    http_proxy: proxy === undefined ? undefined : typeof proxy === "string" ? proxy : "",
    default_storage_layout: defaults.storageLayout,
    curtin_verbose: defaults.curtinVerbose,
    // MAAS counts in minutes.
    node_timeout: nodeTimeout && Math.ceil(toSeconds(nodeTimeout) / 60),
    remote_syslog: defaults.remoteSyslog,
    prometheus_enabled: defaults.metrics,
  };
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined));
}

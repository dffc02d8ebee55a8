/** Where machines get a release of k3s from: the settings' `homelab:cluster.install`, as far as its addresses go. */
export type ReleaseSource = { source: "online"; script?: string; releases?: string } | { source: "mirror"; url: string };

/** The same as parameters of `k3s.sh`. */
export function sourceParameters(install: ReleaseSource): Record<"source" | "script" | "releases" | "mirror", string | undefined> {
  return install.source === "online"
    ? { source: install.source, script: install.script, releases: install.releases, mirror: undefined }
    : { source: install.source, script: `${install.url}/install.sh`, releases: `${install.url}/k3s`, mirror: install.url };
}

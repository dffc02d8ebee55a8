import * as yaml from "js-yaml";

interface Kubeconfig {
  clusters: { name: string; cluster: { server: string; [key: string]: unknown } }[];
  contexts: { name: string; context: { cluster: string; user: string; [key: string]: unknown } }[];
  users: { name: string; user: Record<string, unknown> }[];
  "current-context": string;
  [key: string]: unknown;
}

/**
 * k3s' own kubeconfig with the address under which clients reach the API, and with names that say which lab it is:
 * several can then be merged into one file.
 *
 * @param text `/etc/rancher/k3s/k3s.yaml` as it is on a server (names `default`, address 127.0.0.1)
 * @param server for example `https://192.168.200.11:6443`
 * @throws Error when the text is not a kubeconfig; the text, being secret, is not in the message
 */
export function kubeconfigFor(text: string, name: string, server: string): string {
  const config = parse(text);
  const cluster = config.clusters[0];
  const user = config.users[0];
  const context = config.contexts[0];
  cluster.name = name;
  cluster.cluster.server = server;
  user.name = `${name}-admin`;
  context.name = name;
  context.context.cluster = name;
  context.context.user = user.name;
  config["current-context"] = name;
  return yaml.dump(config, { sortKeys: true, lineWidth: -1 });
}

function parse(text: string): Kubeconfig {
  let config: Kubeconfig | undefined;
  try {
    config = yaml.load(text) as Kubeconfig;
  } catch {
    // The parser's message would quote the text.
  }
  if (config?.clusters?.length !== 1 || config.users?.length !== 1 || config.contexts?.length !== 1) {
    throw new Error(
      "the server's kubeconfig (/etc/rancher/k3s/k3s.yaml) is not the one that k3s writes: one cluster, one user, one context",
    );
  }
  return config;
}

// Reading kubeconfig files, as kubectl does: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import { load, type YAMLException } from "js-yaml";
import { isPlain } from "./objects";

/** Clusters, users and contexts by name. */
export interface Kubeconfig {
  clusters: Record<string, Record<string, any>>;
  users: Record<string, Record<string, any>>;
  contexts: Record<string, Record<string, any>>;
  currentContext: string;
}

/** How to reach one API server. */
export interface Connection {
  /** Base URL, without a slash at its end. */
  server: string;
  ca?: Buffer;
  skipVerify: boolean;
  serverName?: string;
  certificate?: Buffer;
  key?: Buffer;
  /** Asked anew for each request, since token files change. */
  authorization?: () => string;
  namespace: string;
}

const INTRO = [
  "unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: ",
  "",
  " \t • set up the provider as per https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/ ",
  "",
  " ",
].join("\n");

/** Parses a kubeconfig; `directory` is where its relative paths start. */
export function parseKubeconfig(text: string, directory?: string): Kubeconfig {
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    throw new Error(yamlProblem(error as YAMLException));
  }
  if (document !== null && document !== undefined && !isPlain(document)) {
    const found = Array.isArray(document) ? "array" : typeof document === "boolean" ? "bool" : typeof document;
    throw new Error(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${found} into Go value of type struct ` +
        '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    );
  }
  const config = (document ?? {}) as Record<string, any>;
  const named = (list: unknown, key: string): Record<string, Record<string, any>> =>
    Object.fromEntries((Array.isArray(list) ? list : []).map((entry) => [String(entry?.name), absolute(entry?.[key] ?? {}, directory)]));
  return {
    clusters: named(config.clusters, "cluster"),
    users: named(config.users, "user"),
    contexts: named(config.contexts, "context"),
    currentContext: String(config["current-context"] ?? ""),
  };
}

/** The parsers' words for the commonest mistake are the same as Go's; other texts are js-yaml's own. */
function yamlProblem(error: YAMLException): string {
  return /bad indentation of a mapping entry|mapping values/.test(error.reason ?? "")
    ? "yaml: mapping values are not allowed in this context"
    : `yaml: ${error.reason ?? error.message}`;
}

function absolute(entry: Record<string, any>, directory: string | undefined): Record<string, any> {
  if (directory === undefined) {
    return entry;
  }
  const files = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
  const resolved = files.filter((key) => typeof entry[key] === "string").map((key) => [key, path.resolve(directory, entry[key])]);
  return { ...entry, ...Object.fromEntries(resolved) };
}

/** A kubeconfig given as text, or as the path of a file; a path that leads to no file is taken for text. */
export function givenKubeconfig(given: string): Kubeconfig {
  const file = given.startsWith("~/") ? path.join(homedir(), given.slice(2)) : given;
  const isFile = !given.includes("\n") && fs.existsSync(file) && fs.statSync(file).isFile();
  return isFile ? parseKubeconfig(fs.readFileSync(file, "utf8"), path.dirname(path.resolve(file))) : parseKubeconfig(given);
}

/** The kubeconfig given as text or as a path; without one, $KUBECONFIG or ~/.kube/config, as far as they exist. */
export function loadKubeconfig(given: string | undefined, environment: NodeJS.ProcessEnv = process.env): Kubeconfig {
  if (given !== undefined) {
    try {
      return givenKubeconfig(given);
    } catch (error) {
      throw new Error(`failed to parse kubeconfig data in \`kubernetes:config:kubeconfig\`- ${(error as Error).message}`);
    }
  }
  const files = (environment.KUBECONFIG || path.join(homedir(), ".kube", "config"))
    .split(path.delimiter)
    .filter((file) => file && fs.existsSync(file));
  const merged: Kubeconfig = { clusters: {}, users: {}, contexts: {}, currentContext: "" };
  for (const file of files) {
    const one = parseKubeconfig(fs.readFileSync(file, "utf8"), path.dirname(path.resolve(file)));
    // The first file to say something wins.
    merged.clusters = { ...one.clusters, ...merged.clusters };
    merged.users = { ...one.users, ...merged.users };
    merged.contexts = { ...one.contexts, ...merged.contexts };
    merged.currentContext ||= one.currentContext;
  }
  return merged;
}

export interface Overrides {
  context?: string;
  cluster?: string;
  namespace?: string;
}

/** The cluster entry in use, or undefined where the kubeconfig leads to none. */
export function activeCluster(config: Kubeconfig, overrides: Overrides): Record<string, any> | undefined {
  const context = config.contexts[overrides.context ?? config.currentContext];
  return context && config.clusters[overrides.cluster ?? context.cluster];
}

/** How to connect, by the context in use; throws with what is wrong in the kubeconfig. */
export function connectionOf(config: Kubeconfig, overrides: Overrides): Connection {
  const contextName = overrides.context ?? config.currentContext;
  const context = config.contexts[contextName];
  if (!context) {
    if (contextName === "" && Object.keys(config.clusters).length === 0) {
      const inside = inCluster(overrides.namespace);
      if (inside) {
        return inside;
      }
      throw new Error(
        `${INTRO}invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable`,
      );
    }
    throw new Error(`${INTRO}context ${JSON.stringify(contextName)} does not exist`);
  }
  const clusterName = overrides.cluster ?? context.cluster;
  const cluster = config.clusters[clusterName];
  if (!cluster) {
    throw new Error(`${INTRO}cluster ${JSON.stringify(clusterName ?? "")} does not exist`);
  }
  if (typeof cluster.server !== "string" || cluster.server === "") {
    throw new Error(`${INTRO}invalid configuration: no server found for cluster ${JSON.stringify(clusterName)}`);
  }
  return {
    ...credentials(config.users[context.user] ?? {}),
    ...address(cluster),
    namespace: overrides.namespace ?? (context.namespace || "default"),
  };
}

function address(cluster: Record<string, any>): Pick<Connection, "server" | "ca" | "skipVerify" | "serverName"> {
  const ca = material(cluster, "certificate-authority");
  return {
    server: (/^https?:\/\//.test(cluster.server) ? cluster.server : `http://${cluster.server}`).replace(/\/+$/, ""),
    skipVerify: cluster["insecure-skip-tls-verify"] === true,
    ...(ca ? { ca } : {}),
    ...(cluster["tls-server-name"] ? { serverName: cluster["tls-server-name"] } : {}),
  };
}

/** The contents of `<key>-data` (base64), else of the file `<key>`. */
function material(entry: Record<string, any>, key: string): Buffer | undefined {
  const data = entry[`${key}-data`];
  if (typeof data === "string" && data !== "") {
    return Buffer.from(data, "base64");
  }
  if (typeof entry[key] !== "string" || entry[key] === "") {
    return undefined;
  }
  try {
    return fs.readFileSync(entry[key]);
  } catch (error) {
    throw new Error(`${INTRO}unable to read ${key} ${entry[key]}: ${(error as Error).message}`);
  }
}

function credentials(user: Record<string, any>): Pick<Connection, "certificate" | "key" | "authorization"> {
  const certificate = material(user, "client-certificate");
  const key = material(user, "client-key");
  return { ...(certificate ? { certificate } : {}), ...(key ? { key } : {}), ...authorization(user) };
}

function authorization(user: Record<string, any>): Pick<Connection, "authorization"> {
  if (typeof user.tokenFile === "string") {
    return { authorization: () => `Bearer ${fs.readFileSync(user.tokenFile, "utf8").trim()}` };
  }
  if (typeof user.token === "string") {
    return { authorization: () => `Bearer ${user.token}` };
  }
  if (typeof user.username === "string") {
    return { authorization: () => `Basic ${Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64")}` };
  }
  return isPlain(user.exec) ? { authorization: executable(user.exec) } : {};
}

/** A token from a credential plugin, kept until it expires. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
function executable(exec: Record<string, any>): () => string {
  let kept: { token: string; until: number } | undefined;
  return () => {
    if (!kept || kept.until < Date.now()) {
      const variables = Object.fromEntries((exec.env ?? []).map((entry: any) => [entry.name, entry.value]));
      const info = JSON.stringify({ apiVersion: exec.apiVersion, kind: "ExecCredential", spec: { interactive: false } });
      const output = execFileSync(exec.command, exec.args ?? [], {
        env: { ...process.env, ...variables, KUBERNETES_EXEC_INFO: info },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const status = JSON.parse(output.toString()).status ?? {};
      kept = {
        token: String(status.token ?? ""),
        until: status.expirationTimestamp ? Date.parse(status.expirationTimestamp) - 30_000 : Number.POSITIVE_INFINITY,
      };
    }
    return `Bearer ${kept.token}`;
  };
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The connection that a pod has by its service account. */
function inCluster(namespace: string | undefined): Connection | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port || !fs.existsSync(`${ACCOUNT}/token`)) {
    return undefined;
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: fs.readFileSync(`${ACCOUNT}/ca.crt`),
    skipVerify: false,
    authorization: () => `Bearer ${fs.readFileSync(`${ACCOUNT}/token`, "utf8").trim()}`,
    namespace: namespace ?? fs.readFileSync(`${ACCOUNT}/namespace`, "utf8").trim(),
  };
}

// The provider's own configuration: CheckConfig, DiffConfig and Configure.
import { type CheckResponse, type DiffResponse, isMap, type PropertyMap, type PropertyValue, strip, stripMap, Unknown } from "../protocol";
import { activeCluster, givenKubeconfig } from "./kubeconfig";
import { same } from "./objects";

export interface ProviderSettings {
  kubeconfig?: string;
  context?: string;
  cluster?: string;
  namespace?: string;
  deleteUnreachable: boolean;
  skipUpdateUnreachable: boolean;
  serverSideApply: boolean;
  mutableConfigMaps: boolean;
  mutableSecrets: boolean;
  upsertExistingObjects: boolean;
  patchForce: boolean;
  alwaysRender: boolean;
  /** Milliseconds that the API server may take to say anything. */
  requestTimeout?: number;
  renderYamlToDirectory?: string;
}

/** Settings from the variables that Configure brings, else from the environment. */
export function readSettings(variables: Record<string, string>, environment: NodeJS.ProcessEnv = process.env): ProviderSettings {
  const value = (key: string): string | undefined => variables[`kubernetes:config:${key}`] || undefined;
  const flag = (key: string, name: string, otherwise = false): boolean => {
    const text = variables[`kubernetes:config:${key}`] ?? environment[name];
    return text === undefined ? otherwise : text === "true";
  };
  return {
    kubeconfig: value("kubeconfig"),
    context: value("context"),
    cluster: value("cluster"),
    namespace: value("namespace"),
    deleteUnreachable: flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
    skipUpdateUnreachable: flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
    serverSideApply: flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", true),
    mutableConfigMaps: flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
    mutableSecrets: flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
    upsertExistingObjects: flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
    patchForce: flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    alwaysRender: flag("alwaysRender", "PULUMI_K8S_ALWAYS_RENDER"),
    requestTimeout: requestTimeout(value("kubeClientSettings")),
    renderYamlToDirectory: value("renderYamlToDirectory"),
  };
}

function requestTimeout(clientSettings: string | undefined): number | undefined {
  const { timeout } = JSON.parse(clientSettings ?? "{}") as { timeout?: number };
  return timeout === undefined ? undefined : timeout * 1000;
}

const isSet = (value: PropertyValue | undefined): boolean => value === true || (typeof value === "string" && value !== "");

/** Refuses settings that exclude each other. */
export function checkSettings(urn: string, news: PropertyMap, environment: NodeJS.ProcessEnv = process.env): CheckResponse {
  const values = stripMap(news);
  const failures = strictFailures(urn, values, environment);
  if (failures.length === 0 && isSet(values.renderYamlToDirectory)) {
    for (const property of ["cluster", "context", "kubeconfig"]) {
      // A kubeconfig that the SDK took from the environment was not asked for.
      const isAmbient = property === "kubeconfig" && (isPath(values.kubeconfig) || values.kubeconfig === environment.KUBECONFIG);
      if (isSet(values[property]) && !isAmbient) {
        failures.push({ property, reason: `"${property}" arg is not compatible with "renderYamlToDirectory" arg` });
      }
    }
  }
  return { inputs: news, ...(failures.length > 0 ? { failures } : {}) };
}

/** A bare path, no text of a kubeconfig: what the SDK puts there from $KUBECONFIG. */
const isPath = (value: PropertyValue): boolean => typeof value === "string" && !/[\n:]/.test(value);

function strictFailures(urn: string, values: PropertyMap, environment: NodeJS.ProcessEnv): { property: string; reason: string }[] {
  const ambient = (JSON.parse(environment.PULUMI_CONFIG || "{}") as Record<string, unknown>).strictMode;
  if (String(values.strictMode ?? ambient) !== "true") {
    return [];
  }
  const failures = /::default(_[0-9A-Za-z_]+)?$/.test(urn) ? [{ property: "", reason: "strict mode prohibits default provider" }] : [];
  for (const property of ["kubeconfig", "context"]) {
    if (!isSet(values[property]) && !(values[property] instanceof Unknown)) {
      failures.push({ property, reason: `strict mode requires Provider "${property}" argument` });
    }
  }
  return failures;
}

/**
 * Whether a change of the settings means another cluster, so that everything in it is made anew.
 *
 * A `clusterIdentifier` decides alone where it is set: as long as it stays, nothing is replaced.
 */
export function diffSettings(olds: PropertyMap, news: PropertyMap): DiffResponse {
  const before = stripMap(olds);
  const after = stripMap(news);
  const diffs = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !same(before[key], after[key])).sort();
  if (diffs.length === 0) {
    return { changes: "none" };
  }
  const pinned = before.clusterIdentifier !== undefined && same(before.clusterIdentifier, after.clusterIdentifier);
  const answer = (changed: string[], replaces: string[]): DiffResponse => ({
    changes: "some",
    diffs: changed,
    ...(replaces.length > 0 && !pinned ? { replaces } : {}),
  });

  const replaces: string[] = [];
  if (before.clusterIdentifier !== undefined && after.clusterIdentifier !== undefined && !pinned) {
    replaces.push("clusterIdentifier");
  }
  const connection = ["kubeconfig", "context", "cluster"];
  const unknown = connection.find((key) => after[key] instanceof Unknown);
  if (unknown) {
    return answer([unknown], [...replaces, unknown]);
  }
  if (diffs.includes("renderYamlToDirectory")) {
    replaces.push("renderYamlToDirectory");
  }
  const oldCluster = clusterOf(before);
  const newCluster = clusterOf(after);
  if (oldCluster && newCluster && !same(oldCluster, newCluster)) {
    replaces.push(...connection.filter((key) => diffs.includes(key)));
  }
  return answer(diffs, replaces);
}

/** The cluster entry that the settings lead to. */
function clusterOf(settings: PropertyMap): object | undefined {
  const given = settings.kubeconfig;
  if (given === undefined || given === null) {
    return undefined;
  }
  const text = isMap(given) ? JSON.stringify(strip(given)) : String(given);
  const override = (key: string) => (typeof settings[key] === "string" ? (settings[key] as string) : undefined);
  try {
    return activeCluster(givenKubeconfig(text), { context: override("context"), cluster: override("cluster") });
  } catch (error) {
    throw new Error(`failed to parse kubeconfig: ${(error as Error).message}`);
  }
}

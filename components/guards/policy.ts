import * as pulumi from "@pulumi/pulumi";
import { POLICIES, type PolicyName } from "../core/policy-names";
import { UserError } from "../core/user-error";

/** By policy: names of resources that need not keep it, with the reason in a comment of the stack file. */
export type Waivers = Partial<Record<PolicyName, string[]>>;

export interface Violation {
  policy: PolicyName;
  resource: string;
  message: string;
  fix: string;
}

type Value = any;
type Check = (type: string, props: Value, state: Resources, name: string) => [message: string, fix: string][];

/** What checks know beyond the resource that they look at. */
export interface Resources {
  /** By `ADDRESS:PORT`: the service that has it. */
  owners: Map<string, string>;
  /** Texts that no resource may have in clear. */
  secrets: readonly string[];
}

const runsPods = /^kubernetes:(apps\/v1:(Deployment|StatefulSet|DaemonSet)|batch\/v1:(Job|CronJob)|core\/v1:Pod)$/;

/** Pods' containers, as far as the program gives them plain; an output is not looked into. */
function containersOf(type: string, props: Value, init: boolean): Value[] {
  if (!runsPods.test(type)) {
    return [];
  }
  const spec = props.spec;
  const pod = type.endsWith(":Pod") ? spec : type.endsWith(":CronJob") ? spec?.jobTemplate?.spec?.template?.spec : spec?.template?.spec;
  return [...(pod?.containers ?? []), ...(init ? (pod?.initContainers ?? []) : [])];
}

const isText = (value: Value): value is string => typeof value === "string";

/** Where a text stands that is in clear, as far as the program gives it plain; an output is not looked into. */
function clearPlaces(value: Value, texts: readonly string[], path: string): string[] {
  if (isText(value)) {
    return texts.some((text) => value.includes(text)) ? [path] : [];
  }
  return Array.isArray(value)
    ? value.flatMap((each, index) => clearPlaces(each, texts, `${path}[${index}]`))
    : Object.entries(plainMap(value)).flatMap(([key, each]) => clearPlaces(each, texts, path ? `${path}.${key}` : key));
}

const checks: Record<PolicyName, Check> = {
  "pinned-images": (type, props) =>
    containersOf(type, props, true)
      .map(({ image }) => image)
      .filter((image) => isText(image) && !image.includes("@sha256:") && !/:(?!latest$)[\w][\w.-]*$/.test(image))
      .map((image) => [`the image ${image} is not pinned to a version`, "give it a tag other than latest, or a digest"]),
  limits: (type, props) =>
    containersOf(type, props, true)
      .filter(({ resources }) => !pulumi.Output.isInstance(resources) && !resources?.limits?.memory)
      .map(({ name }) => [`the container ${name} has no memory limit`, "set resources.limits.memory"]),
  probes: (type, props) =>
    (/:(Job|CronJob|Pod)$/.test(type) ? [] : containersOf(type, props, false))
      .filter(({ readinessProbe, livenessProbe }) => !readinessProbe && !livenessProbe)
      .map(({ name }) => [`the container ${name} has no probe`, "give it a readinessProbe or a livenessProbe"]),
  "plain-secrets": (type, props, { secrets }) => [
    ...clearPlaces(props, secrets, "").map((place): [string, string] => [
      `its ${place} holds a secret of the settings in clear`,
      "pass it as pulumi.secret(…), or take it from a Secret with valueFrom",
    ]),
    ...(type === "kubernetes:core/v1:Secret" ? Object.entries({ ...plainMap(props.stringData), ...plainMap(props.data) }) : [])
      .filter(([, value]) => isText(value))
      .map(([key]): [string, string] => [`its key ${key} is a value in clear`, "pass it as pulumi.secret(…)"]),
  ],
  "unique-addresses": (type, props, { owners }, name) => {
    const address = type === "kubernetes:core/v1:Service" ? props.spec?.loadBalancerIP : undefined;
    const ports = isText(address) ? (props.spec.ports ?? []).map(({ port }: Value) => `${address}:${port}`) : [];
    return ports.flatMap((taken: string): [string, string][] => {
      const owner = owners.get(taken) ?? name;
      owners.set(taken, owner);
      return owner === name ? [] : [[`${taken} is ${owner}'s already`, "give each service its own address or port"]];
    });
  },
};

function plainMap(value: Value): Record<string, Value> {
  const prototype = value !== null && typeof value === "object" && !pulumi.Output.isInstance(value) && Object.getPrototypeOf(value);
  return prototype === Object.prototype ? value : {};
}

/** What one resource does against the policies. `state` remembers addresses from one resource to the next. */
export function violations(type: string, name: string, props: object, state: Resources, waivers: Waivers = {}): Violation[] {
  return POLICIES.filter((policy) => !waivers[policy]?.includes(name)).flatMap((policy) =>
    checks[policy](type, props, state, name).map(([message, fix]) => ({ policy, resource: name, message, fix })),
  );
}

/**
 * Stops the program at the first resource that is against a policy, in the preview and without a server.
 *
 * @param secrets texts that no resource may have in clear
 * @throws UserError naming the resource, the policy and how to waive it
 */
export function enforcement(waivers: Waivers, secrets: readonly string[] = []): pulumi.ResourceTransformation {
  const state: Resources = { owners: new Map(), secrets };
  return ({ type, name, props }) => {
    const found = violations(type, name, props, state, waivers);
    if (found.length > 0) {
      throw new UserError(
        found.map(({ policy, resource, message, fix }) => ({
          path: resource,
          message: `against the policy ${policy}: ${message}`,
          fix: `${fix}; or waive it by name: homelab:waivers.${policy}: [${resource}]`,
        })),
      );
    }
    return undefined;
  };
}

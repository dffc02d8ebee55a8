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
type Check = (type: string, props: Value, state: Map<string, string>, name: string) => [message: string, fix: string][];

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
const secretName = /(pass(word)?|secret|token|private_?key|api_?key|credentials)$/i;

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
  "plain-secrets": (type, props) => [
    ...containersOf(type, props, true)
      .flatMap(({ env }) => (Array.isArray(env) ? env : []))
      .filter(({ name, value }) => isText(name) && secretName.test(name) && isText(value))
      .map(({ name }): [string, string] => [
        `the environment variable ${name} holds a value in clear`,
        "take it from a Secret with valueFrom",
      ]),
    ...(type === "kubernetes:core/v1:Secret" ? Object.entries({ ...plainMap(props.stringData), ...plainMap(props.data) }) : [])
      .filter(([, value]) => isText(value))
      .map(([key]): [string, string] => [`its key ${key} is a value in clear`, "pass it as pulumi.secret(…)"]),
    ...(type.startsWith("command:") ? Object.entries(plainMap(props.environment)) : [])
      .filter(([key, value]) => secretName.test(key) && isText(value))
      .map(([key]): [string, string] => [`its environment variable ${key} is a value in clear`, "pass it as pulumi.secret(…)"]),
  ],
  "unique-addresses": (type, props, owners, name) => {
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
  return value !== null && typeof value === "object" && !pulumi.Output.isInstance(value) ? value : {};
}

/** What one resource does against the policies. `owners` remembers addresses from one resource to the next. */
export function violations(type: string, name: string, props: Value, owners: Map<string, string>, waivers: Waivers = {}): Violation[] {
  return POLICIES.filter((policy) => !waivers[policy]?.includes(name)).flatMap((policy) =>
    checks[policy](type, props, owners, name).map(([message, fix]) => ({ policy, resource: name, message, fix })),
  );
}

/**
 * Stops the program at the first resource that is against a policy, in the preview and without a server.
 *
 * @throws UserError naming the resource, the policy and how to waive it
 */
export function enforcement(waivers: Waivers): pulumi.ResourceTransformation {
  const owners = new Map<string, string>();
  return ({ type, name, props }) => {
    const found = violations(type, name, props, owners, waivers);
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

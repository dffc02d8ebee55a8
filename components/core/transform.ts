import * as pulumi from "@pulumi/pulumi";

/**
 * The last word on what a component makes: called for each of its resources with the arguments and options that the component
 * chose. Return others, or nothing to keep them.
 *
 * @example
 * // Grafana's pod on another node
 * transform: ({ type, props, opts }) =>
 *   type === "kubernetes:apps/v1:Deployment" ? { props: withNodeSelector(props), opts } : undefined
 */
export type Transform = pulumi.ResourceTransformation;

/** A component's options with its user's `transform` in them, which comes before the program's own transformations. */
export function withTransform(
  opts: pulumi.ComponentResourceOptions | undefined,
  transform: Transform | undefined,
): pulumi.ComponentResourceOptions {
  return pulumi.mergeOptions(opts, transform && { transformations: [transform] });
}

/** An options object without the keys that are undefined, so that it can be spread over defaults. */
export function given<T extends object>(options: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

import type * as pulumi from "@pulumi/pulumi";

/**
 * A component's objects go with their namespace: Kubernetes takes them along when that is deleted, volumes included, at once
 * instead of one by one. An object that goes alone is deleted as ever.
 */
export function goingWith(namespace: () => pulumi.Resource): pulumi.ComponentResourceOptions {
  const transformation: pulumi.ResourceTransformation = ({ type, props, opts }) =>
    type.startsWith("kubernetes:") && props?.metadata?.namespace !== undefined
      ? { props, opts: { ...opts, deletedWith: namespace() } }
      : undefined;
  return { transformations: [transformation] };
}

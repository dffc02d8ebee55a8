import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/**
 * A Secret of these texts. They go into `data`: a provider moves `stringData` there once its values are known, so that a saved plan
 * with values that are not yet would be violated by its own run.
 */
export function secretObject(
  name: string,
  metadata: kubernetes.types.input.meta.v1.ObjectMeta,
  texts: Record<string, pulumi.Input<string>>,
  options: pulumi.CustomResourceOptions,
  type?: string,
): kubernetes.core.v1.Secret {
  const data = Object.entries(texts).map(([key, text]) => [
    key,
    pulumi.secret(text).apply((value) => Buffer.from(value).toString("base64")),
  ]);
  return new kubernetes.core.v1.Secret(name, { metadata, type, data: Object.fromEntries(data) }, options);
}

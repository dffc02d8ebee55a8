import * as pulumi from "@pulumi/pulumi";
import { Secret, type SecretInput } from "./secret";

/** The value as an output that Pulumi encrypts in the state and hides in previews and logs, also where the one given is not marked so. */
export function secretOutput<T>(value: SecretInput<T>): pulumi.Output<T> {
  return pulumi.secret(Secret.isInstance(value) ? value.reveal() : value) as pulumi.Output<T>;
}

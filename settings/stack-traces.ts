import * as pulumi from "@pulumi/pulumi";

/**
 * Keeps out of the state where in this program each resource was made: a list of absolute paths a resource, which is a sixteenth of
 * the state, differs between checkouts and is shown nowhere. The SDK has no switch for it.
 */
export function leaveOutStackTraces(): void {
  (pulumi.Resource as unknown as { stackTrace: () => [] }).stackTrace = () => [];
}

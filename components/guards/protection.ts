import type * as pulumi from "@pulumi/pulumi";

const keepsData = new Set(["kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:core/v1:Namespace"]);

/** What would be lost with a resource: the machine whose disk it stands for, a volume, a namespace with volumes in it. */
export function guardedSubject(type: string, name: string): string | undefined {
  if (type === "command:local:Command") {
    return /^(.+)-(enlistment|deployment)$/.exec(name)?.[1];
  }
  return keepsData.has(type) ? name : undefined;
}

/**
 * Machines and volumes are protected: the engine itself refuses to replace or delete them, in the preview and before
 * anything is touched, unless `consents` to the loss of it. Give it to components as one of their `transformations`, which
 * reach all that is in them.
 *
 * @param consents whether a machine or volume may be lost, by its name
 */
export function protection(consents: (subject: string) => boolean): pulumi.ResourceTransformation {
  return ({ type, name, props, opts }) => {
    const subject = guardedSubject(type, name);
    return subject === undefined ? undefined : { props, opts: { ...opts, protect: opts.protect ?? !consents(subject) } };
  };
}

import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema";
import { fingerprint } from "./fingerprint";

const keepsData = new Set(["kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:core/v1:Namespace"]);

/** What would be lost with a resource: the machine whose disk it stands for, a volume, a namespace with volumes in it. */
export function guardedSubject(type: string, name: string): string | undefined {
  if (type === "command:local:Command") {
    return /^(.+)-(enlistment|deployment)$/.exec(name)?.[1];
  }
  return keepsData.has(type) ? name : undefined;
}

/** Whether the settings consent to the loss of a thing, by the fingerprint that fits this very change. */
export function consents(settings: Settings, subject: string): boolean {
  return !settings.protect || settings.consent[subject] === fingerprint(settings, subject);
}

/**
 * Machines and volumes are protected: the engine itself refuses to replace or delete them, in the preview and before
 * anything is touched, unless `homelab:consent` has the fingerprint of that change. Give it to components as one of their
 * `transformations`, which reach all that is in them.
 */
export function protection(settings: Settings): pulumi.ResourceTransformation {
  return ({ type, name, props, opts }) => {
    const subject = guardedSubject(type, name);
    return subject === undefined ? undefined : { props, opts: { ...opts, protect: opts.protect ?? !consents(settings, subject) } };
  };
}

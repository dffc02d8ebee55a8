import { type CallContext, type PropertyMap, ResourceInitFailed, type UpdateRequest } from "../protocol";
import { reasonsOf } from "./await/context";
import { readCheckpoint, writeCheckpoint } from "./checkpoint";
import { ApiError } from "./client";
import { renderFile } from "./create";
import { NoMatch } from "./discovery";
import { normalize } from "./normalize";
import { hasUnknown, idOf, isPatchType, type KubeObject, nameOf, toObject } from "./objects";
import { prune } from "./prune";
import type { Session } from "./session";
import { relinquish, updateObject } from "./write";

/** Changes an object in place and waits until it is ready; a preview is a dry run. */
export async function update(session: Session, request: UpdateRequest, context: CallContext): Promise<{ properties: PropertyMap }> {
  const { news, preview } = request;
  const inputs = normalize(toObject(news));
  const { renderYamlToDirectory: directory } = session.settings;
  if (preview && (directory || !session.cluster || hasUnknown(inputs))) {
    return { properties: news };
  }
  const old = readCheckpoint(request.olds);
  const manager = session.managerOf(inputs, request.olds);
  const about = { initialApiVersion: old.initialApiVersion ?? String(inputs.apiVersion), fieldManager: manager };
  if (directory) {
    await renderFile(directory, inputs, news, context);
    return { properties: writeCheckpoint(inputs, inputs, news, about) };
  }
  const cluster = session.reachable();
  let current: KubeObject;
  try {
    current = await cluster.get(await cluster.placeOf(inputs, nameOf(old.live)), context.signal);
  } catch (error) {
    if (preview && error instanceof NoMatch) {
      return { properties: news };
    }
    throw new Error(notUpdated(error, request.urn));
  }

  let result: { live: KubeObject; failure?: Error };
  try {
    const made = await updateObject(cluster, inputs, current, {
      ...session.writeOptions(manager, preview, context),
      isPatch: isPatchType(request.type, inputs.kind),
      ignoreChanges: request.ignoreChanges,
      oldInputs: prune(old.live, old.inputs),
    });
    result = preview ? { live: made } : await session.settle(inputs, made, { timeout: request.timeout, isUpdate: true }, context);
  } catch (error) {
    if (preview && error instanceof ApiError && error.reason === "Forbidden") {
      return { properties: news };
    }
    result = { live: current, failure: error as Error };
  }
  const { live, failure } = result;
  const state = writeCheckpoint(inputs, live, news, about);
  if (failure) {
    const text = `the Kubernetes API server reported that ${JSON.stringify(idOf(live))} failed to fully initialize or become live: ${failure.message}`;
    throw new ResourceInitFailed({ id: idOf(live), properties: state, reasons: [text, ...reasonsOf(failure)], message: text });
  }
  if (!preview && session.settings.serverSideApply && old.fieldManager && old.fieldManager !== manager) {
    await relinquish(cluster, inputs, nameOf(live), old.fieldManager);
  }
  return { properties: state };
}

function notUpdated(error: unknown, urn: string): string {
  const { message } = error as Error;
  return error instanceof NoMatch
    ? `update of resource ${JSON.stringify(urn)} failed because the Kubernetes API server reported that the apiVersion for this ` +
        `resource does not exist. Verify that any required CRDs have been created: ${message}`
    : `update of resource ${JSON.stringify(urn)} failed: ${message}`;
}

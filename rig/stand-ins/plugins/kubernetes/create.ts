import { type CallContext, type CreateRequest, type CreateResponse, hasSecret, type PropertyMap, ResourceInitFailed } from "../protocol";
import { reasonsOf } from "./await/context";
import { writeCheckpoint } from "./checkpoint";
import { NoMatch } from "./discovery";
import { apiVersionOf, gvkOfType, hasUnknown, idOf, isCustomResourceDefinition, isPatchType, type KubeObject, toObject } from "./objects";
import { render, renderPath } from "./render";
import type { Session } from "./session";
import { createObject, NoPreview } from "./write";

/**
 * Makes an object and waits until it is ready. A preview lets the API server go through it without keeping anything;
 * where that cannot be, it answers the inputs.
 */
export async function create(session: Session, request: CreateRequest, context: CallContext): Promise<CreateResponse> {
  const { properties, preview } = request;
  const inputs = toObject(properties);
  const isPatch = isPatchType(request.type, inputs.kind);
  const { renderYamlToDirectory: directory, serverSideApply, upsertExistingObjects } = session.settings;
  if (preview && (directory || !session.cluster || isPatch || hasUnknown(inputs) || !serverSideApply)) {
    return { id: "", properties };
  }
  const about = { initialApiVersion: String(inputs.apiVersion), fieldManager: session.managerOf(inputs) };
  if (directory) {
    await renderFile(directory, inputs, properties, context);
    return { id: idOf(inputs), properties: writeCheckpoint(inputs, inputs, properties, about) };
  }
  const cluster = session.reachable();
  let made: KubeObject;
  try {
    const options = session.writeOptions(about.fieldManager, preview, context);
    made = await createObject(cluster, inputs, { ...options, isPatch, adopt: upsertExistingObjects });
  } catch (error) {
    if (error instanceof NoPreview) {
      return { id: "", properties };
    }
    throw new Error(notCreated(error, request));
  }
  if (preview) {
    const { status: _, ...shown } = made;
    return { id: "", properties: writeCheckpoint(inputs, shown, properties, about) };
  }
  const { live, failure } = await session.settle(inputs, made, { timeout: request.timeout, isUpdate: false }, context);
  const state = writeCheckpoint(inputs, live, properties, about);
  if (failure) {
    const text =
      `resource ${JSON.stringify(request.urn)} was successfully created, but the Kubernetes API server reported that ` +
      `it failed to fully initialize or become live: ${failure.message}`;
    throw new ResourceInitFailed({ id: idOf(live), properties: state, reasons: [text, ...reasonsOf(failure)], message: text });
  }
  if (isCustomResourceDefinition(inputs)) {
    cluster.discovery.forget();
  }
  return { id: idOf(live), properties: state };
}

/** Writes the object's file in place of making it. */
export async function renderFile(directory: string, inputs: KubeObject, properties: PropertyMap, context: CallContext): Promise<void> {
  if (hasSecret(properties)) {
    context.log("warning", `rendered file ${renderPath(directory, inputs)} contains a secret value in plaintext`);
  }
  context.status(`rendered ${await render(directory, inputs)}`);
}

function notCreated(error: unknown, { urn, type }: CreateRequest): string {
  const { message } = error as Error;
  if (error instanceof NoMatch) {
    const gvk = gvkOfType(type);
    return (
      `creation of resource ${JSON.stringify(urn)} with kind ${apiVersionOf(gvk)}/${gvk.kind} failed because the Kubernetes API server ` +
      `reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${message}`
    );
  }
  return `resource ${JSON.stringify(urn)} was not successfully created by the Kubernetes API server: ${message}`;
}

import type { CallContext, DeleteRequest } from "../protocol";
import { AwaitError } from "./await/context";
import { deleteAndWait } from "./await/deleted";
import { readCheckpoint } from "./checkpoint";
import { ApiError, isNotFound } from "./client";
import { NoMatch } from "./discovery";
import { isPatchType, type KubeObject, parseId } from "./objects";
import { removeRendered } from "./render";
import { type Session, UNREACHABLE_HINT } from "./session";
import { propagationOf, relinquish } from "./write";

/** Deletes an object and waits until it is gone; a patch gives up its fields and leaves the object. */
export async function remove(session: Session, request: DeleteRequest, context: CallContext): Promise<void> {
  const { inputs, live, fieldManager } = readCheckpoint(request.properties);
  const { renderYamlToDirectory: directory } = session.settings;
  if (directory) {
    context.status(`deleted ${await removeRendered(directory, live)}`);
    return;
  }
  const { cluster } = session;
  if (!cluster) {
    if (session.givesUp(context)) {
      return;
    }
    throw new Error(`configured Kubernetes cluster is unreachable. ${UNREACHABLE_HINT}`);
  }
  const object = inputs.kind === undefined ? live : inputs;
  const { name } = parseId(request.id);
  try {
    if (isPatchType(request.type, object.kind)) {
      await relinquish(cluster, object, name, fieldManager ?? "");
      return;
    }
    const place = await cluster.placeOf(object, name);
    await deleteAndWait({ cluster, place, inputs: object, context }, propagationOf(object), request.timeout);
  } catch (error) {
    // Where the kind is gone, so are its objects.
    if (!(error instanceof NoMatch) && !isNotFound(error)) {
      throw notDeleted(error, request.type, object);
    }
  }
}

function notDeleted(error: unknown, type: string, object: KubeObject): unknown {
  if (isPatchType(type, object.kind) && error instanceof ApiError) {
    const required = ((error.details.causes ?? []) as KubeObject[]).find(({ reason }) => reason === "FieldValueRequired");
    if (required) {
      return new Error(
        "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the " +
          `\`retainOnDelete\` resource option, or transfer ownership of the field before deleting: ${required.field}`,
      );
    }
  }
  return error instanceof AwaitError ? new Error([error.message, ...error.reasons].join(": ")) : error;
}

import { type CallContext, type ReadRequest, type ReadResponse, ResourceInitFailed } from "../protocol";
import { shortcomings } from "./await";
import { markSecrets, readCheckpoint, writeCheckpoint } from "./checkpoint";
import { isNotFound } from "./client";
import { NoMatch } from "./discovery";
import { importedInputs } from "./import";
import { normalize } from "./normalize";
import {
  apiVersionOf,
  copy,
  gvkOfType,
  isPatchType,
  type KubeObject,
  namespaceOf,
  parseId,
  setMetadata,
  toObject,
  toProperties,
} from "./objects";
import { prune } from "./prune";
import { type Session, UNREACHABLE_HINT } from "./session";

const GONE: ReadResponse = { id: "", properties: {}, inputs: {} };

/**
 * Reads an object: on refresh the live values of the fields that the inputs have, on import everything that a program
 * could have set. An object that is there but not ready comes back with the reasons.
 */
export async function read(session: Session, request: ReadRequest, context: CallContext): Promise<ReadResponse> {
  const { cluster } = session;
  if (!cluster) {
    return unreachable(session, request, context);
  }
  const { namespace, name } = parseId(request.id);
  if (name === "") {
    throw new Error(`failed to read resource because of a failure to parse resource name from request ID: ${request.id}`);
  }
  const old = readCheckpoint(request.properties);
  const inputs = normalize(toObject(request.inputs));
  const isImport = inputs.kind === undefined && old.live.kind === undefined;
  if (inputs.kind === undefined) {
    Object.assign(inputs, old.live.kind === undefined ? targetOf(request.type) : { apiVersion: old.live.apiVersion, kind: old.live.kind });
    inputs.metadata ??= { name, ...(namespace ? { namespace } : {}) };
  }
  const target = copy(inputs);
  setMetadata(target, "namespace", namespace || namespaceOf(inputs));
  let live: KubeObject;
  let reasons: readonly string[] = [];
  try {
    const place = await cluster.placeOf(target, name);
    live = await cluster.get(place, context.signal);
    if (!isImport && !isPatchType(request.type, inputs.kind)) {
      reasons = await shortcomings({ cluster, place, inputs, context, isUpdate: false }, live);
    }
  } catch (error) {
    if (isNotFound(error) || error instanceof NoMatch) {
      return GONE;
    }
    throw error;
  }
  const liveInputs = isImport ? importedInputs(live) : prune(live, inputs);
  const about = {
    initialApiVersion: old.initialApiVersion ?? String(inputs.apiVersion),
    fieldManager: session.managerOf(inputs, request.properties),
  };
  const answer: ReadResponse = {
    id: request.id,
    properties: writeCheckpoint(liveInputs, live, request.inputs, about),
    inputs: markSecrets(toProperties(liveInputs), request.inputs),
  };
  if (reasons.length > 0) {
    const message = `Resource '${name}' was created but failed to initialize`;
    throw new ResourceInitFailed({ ...answer, reasons: [message, ...reasons], message });
  }
  return answer;
}

/** The kind that a type means; a Patch type means the kind it patches. */
function targetOf(type: string): KubeObject {
  const gvk = gvkOfType(type);
  return { apiVersion: apiVersionOf(gvk), kind: gvk.kind.replace(/Patch$/, "") };
}

function unreachable(session: Session, request: ReadRequest, context: CallContext): ReadResponse {
  if (session.givesUp(context)) {
    return GONE;
  }
  if (session.settings.skipUpdateUnreachable) {
    context.log(
      "info",
      "configured Kubernetes cluster is unreachable and the `skipUnreachable` option is enabled. Returned data could not reflect the actual cluster configuration.",
    );
    return { id: request.id, properties: request.properties, inputs: request.inputs };
  }
  throw new Error(`failed to read resource state due to unreachable cluster. ${UNREACHABLE_HINT}`);
}

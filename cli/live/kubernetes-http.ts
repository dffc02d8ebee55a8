import * as https from "node:https";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { checkDepth, LARGEST_ANSWER, limitedText, TooMuch } from "../../components/core/limits";
import type { Library, Of } from "./kubernetes-library";

/** An answer of the Kubernetes API that is not a success. */
export class KubernetesRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** How much of an answer is read, and how long it is waited for. */
export interface HttpLimits {
  /** Bytes. */
  largest: number;
  /** Milliseconds without a byte. */
  silence: number;
  /** Milliseconds from the request to the answer's end. */
  longest: number;
}

export const httpLimits: HttpLimits = { largest: LARGEST_ANSWER, silence: 10_000, longest: 60_000 };

interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/**
 * What the Kubernetes library sends its requests with. Its own has no limit of time or size, follows redirects with the cluster's
 * credentials, and leaves errors as dumps of headers. Refusals are thrown as KubernetesRefusal.
 */
export function limitedHttp(library: Library, limits: HttpLimits): ReturnType<Library["wrapHttpLibrary"]> {
  let agent: https.Agent | undefined;
  return library.wrapHttpLibrary({
    async send(request) {
      // The library makes an agent for each request; the first one's TLS session is good for all.
      agent ??= request.getAgent() as https.Agent;
      const { pathname, search } = new URL(request.getUrl());
      const { status, headers, text } = await asked(request, agent, limits);
      if (status < 200 || status > 299) {
        throw new KubernetesRefusal(status, `the Kubernetes API answered ${status} to ${pathname}${search}: ${text.slice(0, 200)}`);
      }
      return new library.ResponseContext(status, headers, { text: async () => text, binary: async () => Buffer.from(text) });
    },
  });
}

function asked(context: Of<"RequestContext">, agent: https.Agent, { largest, silence, longest }: HttpLimits): Promise<Answer> {
  const url = new URL(context.getUrl());
  const deadline = AbortSignal.timeout(longest);
  const late = (milliseconds: number) => new Error(`the Kubernetes API at ${url.host} did not answer within ${milliseconds / 1000} s`);
  return new Promise((resolve, reject) => {
    const body = context.getBody()?.toString();
    const headers = { ...context.getHeaders(), ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }) };
    const failed = (error: Error) => {
      const reason = error instanceof TooMuch ? new Error(`the answer of the Kubernetes API to ${url.pathname} ${error.message}`) : error;
      reject(deadline.aborted ? late(longest) : reason);
    };
    const options = { method: context.getHttpMethod(), agent, headers, timeout: silence, signal: deadline };
    const request = https.request(url, options, (response) => {
      limitedText(new Response(Readable.toWeb(response) as ReadableStream<Uint8Array> as BodyInit), largest)
        .then((text) => {
          if (response.headers["content-type"]?.includes("json")) {
            checkDepth(text);
          }
          const shown = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
          resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(shown), text });
        })
        .catch(failed);
    });
    request.on("timeout", () => request.destroy(late(silence)));
    request.on("error", failed);
    request.end(body);
  });
}

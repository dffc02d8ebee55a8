import { parseJson } from "../../core/limits";

/** A refusal or failure that MAAS answered, with its own words. */
export class MaasError extends Error {
  constructor(
    readonly status: number,
    readonly method: string,
    /** Below `api/2.0/`, with the operation: `machines/abc123/?op=deploy`. */
    readonly path: string,
    /** The answer's text; form errors as `field: message` lines. */
    readonly text: string,
    /** Form errors by field; `__all__` is the form as a whole. */
    readonly fields?: Readonly<Record<string, readonly string[]>>,
    readonly contentType = "",
    /** Seconds, from the header of that name. */
    readonly retryAfter?: number,
  ) {
    super(`MAAS answered ${status} to ${method} ${path}: ${text || explain(status)}`);
    this.name = "MaasError";
  }

  /** The database's conflict page asks to try again; a 409 in plain text means that the object's state is wrong. */
  get isTransient(): boolean {
    return this.status === 429 || this.status >= 500 || (this.status === 409 && /html/.test(this.contentType));
  }

  /** Tried again a few times only: MAAS itself works, and something that it needs for this does not. */
  get isLasting(): boolean {
    return this.status === 500 || (this.status === 503 && this.retryAfter === undefined && /plain/.test(this.contentType));
  }
}

/** MAAS could not be reached, or did not answer. */
export class MaasUnreachable extends Error {
  constructor(
    readonly method: string,
    readonly path: string,
    readonly code: string,
    /** Certain that the request never arrived, so that even a POST may be repeated. */
    readonly neverSent: boolean,
    url: string,
  ) {
    super(`no answer from MAAS at ${url} to ${method} ${path}: ${code}`);
    this.name = "MaasUnreachable";
  }
}

export function isStatus(error: unknown, ...statuses: number[]): error is MaasError {
  return error instanceof MaasError && statuses.includes(error.status);
}

/** MAAS sends some refusals without a body. */
function explain(status: number): string {
  return { 403: "not allowed for this user, or the machine is locked", 404: "not found" }[status] ?? "(no text)";
}

/** The text of a refusal as one line a field, from JSON, plain text or HTML. */
export function readRefusal(contentType: string, body: string): { text: string; fields?: Record<string, string[]> } {
  if (/json/.test(contentType)) {
    try {
      const parsed = parseJson(body);
      if (parsed && typeof parsed === "object" && !Array.isArray(parsed)) {
        const fields = Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, [value].flat().map(String)]));
        const text = Object.entries(fields).map(([key, messages]) => (key === "__all__" ? "" : `${key}: `) + messages.join(" "));
        return { text: text.join("; "), fields };
      }
      return { text: String(parsed) };
    } catch {
      return { text: body.trim().slice(0, 2000) };
    }
  }
  const text = /html/.test(contentType) && /<html/i.test(body) ? (/<title>([^<]*)<\/title>/i.exec(body)?.[1] ?? "an HTML page") : body;
  return { text: text.trim().slice(0, 2000) };
}

/** What an endpoint can answer, and the headers that MAAS puts on each kind of answer. */

/** Constant for a MAAS version; clients use it to notice that their cached `describe/` is out of date. */
const apiHash = "36763f1444f05f8c565d0292aabefcaa9ece4369";

export const contentTypes = {
  json: "application/json; charset=utf-8",
  /** Some views build their JSON answer by hand, without the charset. */
  plainJson: "application/json",
  text: "text/plain; charset=utf-8",
  /** The framework's own short answers ("Forbidden", "Accepted", not found). */
  bareText: "text/plain",
  html: "text/html; charset=utf-8",
  binary: "application/binary",
} as const;

export class Answer {
  constructor(
    readonly status: number,
    readonly body: string | Buffer,
    readonly contentType: string,
    readonly headers: Record<string, string> = {},
  ) {}
}

const usual = { Vary: "Authorization, Cookie", "X-Maas-Api-Hash": apiHash, "X-Frame-Options": "DENY" };
const failed = { Vary: "Cookie", "X-Frame-Options": "DENY" };

/** JSON indented by 4, as MAAS prints it. */
export const json = (value: unknown, status = 200) => new Answer(status, JSON.stringify(value, null, 4), contentTypes.json, usual);
export const plainJson = (value: unknown) => new Answer(200, JSON.stringify(value), contentTypes.plainJson, usual);
export const text = (body: string | Buffer, status = 200, contentType: string = contentTypes.bareText, headers = {}) =>
  new Answer(status, body, contentType, { ...usual, ...headers });
export const deleted = () => text("", 204);

/** An answer that leaves the handler as an exception: other headers, and nothing that the request changed is kept. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
    readonly contentType: string = contentTypes.text,
    readonly headers: Record<string, string> = failed,
  ) {
    super(`${status} ${body}`);
  }

  answer(): Answer {
    return new Answer(this.status, this.body, this.contentType, this.headers);
  }
}

export const badRequest = (message: string) => new ApiError(400, message);
export const conflict = (message: string) => new ApiError(409, message);
/** No object of that kind; `kind` is MAAS's model name, for example `Machine`. */
export const notFound = (kind: string) => new ApiError(404, `No ${kind} matches the given query.`, contentTypes.bareText, usual);
export const notFoundText = (message: string) => new ApiError(404, message, contentTypes.bareText, usual);
/** An answer that a handler makes itself, in plain text. */
export const refusal = (status: number, message: string) => new ApiError(status, message, contentTypes.bareText, usual);
/** Object permissions: no words at all. */
export const forbidden = () => new ApiError(403, "");
export const adminsOnly = () => new ApiError(403, "This method is reserved for admin users.");
/** What a Python exception that nobody expected turns into. */
export const crashed = (message: string) => new ApiError(500, message);
export const anonymousForbidden = () => new ApiError(401, "Forbidden", contentTypes.bareText, usual);
/** A body that does not parse as what its type says. */
export const badBody = () => new ApiError(400, "Bad Request", contentTypes.bareText, usual);
/** Validation outside a form: JSON without a charset. */
export const validationError = (errors: Record<string, string[]>) => new ApiError(400, JSON.stringify(errors), contentTypes.plainJson);
export const methodNotAllowed = (allowed: string[]) => new Answer(405, "", contentTypes.html, { ...usual, Allow: allowed.join(", ") });
export const unknownEndpoint = (path: string) =>
  new Answer(404, `Unknown API endpoint: ${path}.`, contentTypes.text, { "X-Frame-Options": "DENY" });
/**
 * No rack reaches the BMC; no Retry-After. Where it turns out after the request's work, as for power commands, none of
 * the usual headers is left; a question (`query_power_state`) is refused as any other.
 */
export const unreachable = (message: string, asked = false) => new ApiError(503, message, contentTypes.text, asked ? failed : {});

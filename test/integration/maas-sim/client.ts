/** A client that signs and encodes requests as the recorded ones were. */
import { randomUUID } from "node:crypto";
import type { RecordedRequest } from "./recordings";

export interface LiveAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

export interface Keys {
  admin: string;
  "plain-user": string;
}

type OAuthFields = Record<string, string | undefined>;

/** The unusual logins, by the name of the recording. */
const customLogins: Record<string, (fields: OAuthFields) => string> = {
  "auth.bad_consumer": (fields) => header({ ...fields, oauth_consumer_key: "bogus" }),
  "auth.bad_token": (fields) => header({ ...fields, oauth_token: "bogus" }),
  "auth.bad_secret": (fields) => header({ ...fields, oauth_signature: "&bogus" }),
  "auth.expired_timestamp": (fields) => header({ ...fields, oauth_timestamp: String(Number(fields.oauth_timestamp) - 4000) }),
  "auth.future_timestamp": (fields) => header({ ...fields, oauth_timestamp: String(Number(fields.oauth_timestamp) + 4000) }),
  "auth.nonce_first": (fields) => header({ ...fields, oauth_nonce: "used-twice" }),
  "auth.nonce_reused": (fields) => header({ ...fields, oauth_nonce: "used-twice" }),
  "auth.no_timestamp": (fields) => header({ ...fields, oauth_timestamp: undefined }),
  "auth.no_nonce": (fields) => header({ ...fields, oauth_nonce: undefined }),
  "auth.unknown_signature_method": (fields) => header({ ...fields, oauth_signature_method: "RSA-SHA1" }),
  "auth.garbage_header": () => "OAuth garbage",
  "auth.unescaped_ampersand_signature": (fields) => header(fields).replace("%26", "&"),
  "auth.version_missing": (fields) => header({ ...fields, oauth_version: undefined }),
  "auth.version_2": (fields) => header({ ...fields, oauth_version: "2.0" }),
};

function header(fields: OAuthFields): string {
  return `OAuth ${Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${encodeURIComponent(value!)}"`)
    .join(", ")}`;
}

export function authorization(apiKey: string, change: (fields: OAuthFields) => string = header): string {
  const [consumer, token, secret] = apiKey.split(":");
  return change({
    oauth_version: "1.0",
    oauth_signature_method: "PLAINTEXT",
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `&${secret}`,
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
    oauth_nonce: randomUUID(),
  });
}

function encode(request: RecordedRequest): { body?: BodyInit; type?: string } {
  if (request.raw !== undefined) return { body: request.raw, type: request.encoding ?? undefined };
  if (request.encoding === "multipart/form-data") {
    const form = new FormData();
    for (const [name, value] of request.form) form.append(name, value);
    for (const [name, content] of Object.entries(request.files)) form.append(name, new Blob([content]), name);
    return { body: form };
  }
  if (request.encoding === "application/x-www-form-urlencoded")
    return { body: new URLSearchParams(request.form).toString(), type: request.encoding };
  return {};
}

/** `origin` is `http://host:port`. */
export async function send(origin: string, keys: Keys, name: string, request: RecordedRequest): Promise<LiveAnswer> {
  const path = request.path.replace(/^https?:\/\/[^/]+/, "");
  const query = new URLSearchParams(request.query).toString();
  const { body, type } = encode(request);
  const headers: Record<string, string> = {};
  if (type) headers["content-type"] = type;
  if (request.auth === "custom") headers.authorization = authorization(keys.admin, customLogins[name]);
  else if (request.auth !== "none") headers.authorization = authorization(keys[request.auth as keyof Keys]);
  const response = await fetch(`${origin}${path}${query ? `?${query}` : ""}`, { method: request.method, headers, body });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** OAuth 1.0a as MAAS checks it: PLAINTEXT (HMAC-SHA1 too), empty consumer secret, old timestamps and used nonces refused. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { ApiError, contentTypes } from "./answers";

export interface Credentials {
  consumerKey: string;
  tokenKey: string;
  tokenSecret: string;
}

const timestampThreshold = 300;
const needed = ["oauth_consumer_key", "oauth_token", "oauth_signature", "oauth_signature_method", "oauth_timestamp", "oauth_nonce"];

function refuse(message: string): ApiError {
  return new ApiError(401, `Authorization Error: ${message}`, contentTypes.html, {
    "WWW-Authenticate": 'OAuth realm="OAuth"',
    Vary: "Cookie",
    "X-Frame-Options": "DENY",
  });
}

const encode = (value: string) => encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export function parseAuthorization(header: string | undefined): Map<string, string> | undefined {
  if (!header || !/^OAuth\s/i.test(header)) return undefined;
  const parameters = new Map<string, string>();
  for (const part of header.slice(6).split(",")) {
    const match = /^\s*([a-z_]+)\s*=\s*"?(.*?)"?\s*$/is.exec(part);
    if (match) parameters.set(match[1]!, decode(match[2]!));
  }
  return parameters;
}

const same = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export interface SignedRequest {
  method: string;
  url: string;
  /** Decoded query and form parameters, for HMAC-SHA1's base string. */
  parameters: [string, string][];
}

function hmacSignature(request: SignedRequest, oauth: Map<string, string>, secret: string): string {
  const pairs = [...request.parameters, ...[...oauth].filter(([name]) => name !== "oauth_signature" && name !== "realm")];
  const normalised = pairs
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const base = [request.method, encode(request.url), encode(normalised)].join("&");
  return createHmac("sha1", `&${encode(secret)}`)
    .update(base)
    .digest("base64");
}

export class OAuth {
  /** Nonce by consumer and token, with when it was seen: one older than the timestamp threshold cannot come back unnoticed. */
  private readonly nonces = new Map<string, number>();

  constructor(
    private readonly lookUp: { consumer(key: string): boolean; token(consumerKey: string, tokenKey: string): Credentials | undefined },
    private readonly now: () => number,
  ) {}

  /** The credentials that signed the request; undefined where the request counts as anonymous. Throws the 401 that MAAS answers. */
  check(header: string | undefined, request: SignedRequest): Credentials | undefined {
    const oauth = parseAuthorization(header);
    if (!oauth || needed.some((name) => !oauth.has(name))) return undefined;
    const value = (name: string) => oauth.get(name) ?? "";
    const version = oauth.get("oauth_version") ?? "1.0";
    if (version !== "1.0") throw refuse(`'OAuth version ${version} not supported.'`);
    if (!this.lookUp.consumer(value("oauth_consumer_key"))) throw refuse("Invalid API key.");
    const token = this.lookUp.token(value("oauth_consumer_key"), value("oauth_token"));
    if (!token) throw refuse(`'Invalid access token: ${value("oauth_token")}'`);
    const method = value("oauth_signature_method");
    if (method !== "PLAINTEXT" && method !== "HMAC-SHA1") {
      throw refuse(`'Signature method ${method} not supported try one of the following: PLAINTEXT, HMAC-SHA1'`);
    }
    this.checkTimestamp(value("oauth_timestamp"));
    this.checkNonce(`${token.consumerKey}:${token.tokenKey}:${value("oauth_nonce")}`, value("oauth_nonce"));
    const expected = method === "PLAINTEXT" ? `&${token.tokenSecret}` : hmacSignature(request, oauth, token.tokenSecret);
    // MAAS prints the expected signature here; a simulator that hands out secrets in its errors would teach bad habits.
    if (!same(value("oauth_signature"), expected)) throw refuse(`'Invalid signature. Expected signature base string: &${"x".repeat(32)}'`);
    return token;
  }

  private checkTimestamp(given: string): void {
    const now = Math.floor(this.now() / 1000);
    const timestamp = Number.parseInt(given, 10);
    if (!Number.isFinite(timestamp)) throw refuse(`"invalid literal for int() with base 10: '${given}'"`);
    if (now - timestamp > timestampThreshold) {
      throw refuse(`'Expired timestamp: given ${timestamp} and now ${now} has a greater difference than threshold ${timestampThreshold}'`);
    }
  }

  private checkNonce(key: string, nonce: string): void {
    if (this.nonces.has(key)) throw refuse(`'Nonce already used: ${nonce}'`);
    this.nonces.set(key, this.now());
    if (this.nonces.size < 20_000) return;
    const oldest = this.now() - 2 * timestampThreshold * 1000;
    for (const [seen, at] of this.nonces) if (at < oldest) this.nonces.delete(seen);
  }
}

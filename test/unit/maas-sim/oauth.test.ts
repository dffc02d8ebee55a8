import { createHmac } from "node:crypto";
import { ApiError } from "../../../rig/maas/http/answers";
import { OAuth, parseAuthorization } from "../../../rig/maas/http/oauth";

const token = { consumerKey: "c", tokenKey: "t", tokenSecret: "s" };
const request = { method: "GET", url: "http://maas/MAAS/api/2.0/zones/", parameters: [["a b", "ü"]] as [string, string][] };
const now = 1_700_000_000_000;

function check(
  change: Record<string, string | undefined> = {},
  oauth = new OAuth({ consumer: (key) => key === "c", token: (c, t) => (c === "c" && t === "t" ? token : undefined) }, () => now),
) {
  const fields = {
    oauth_consumer_key: "c",
    oauth_token: "t",
    oauth_signature: "&s",
    oauth_signature_method: "PLAINTEXT",
    oauth_timestamp: String(now / 1000),
    oauth_nonce: "n",
    ...change,
  };
  const header = `OAuth ${Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${encodeURIComponent(value!)}"`)
    .join(", ")}`;
  return oauth.check(header, request);
}

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return `${error.status} ${error.body}`;
  }
  return "accepted";
};

describe("OAuth", () => {
  it("accepts PLAINTEXT with the token's secret", () => {
    expect(check()).toBe(token);
  });

  it("accepts HMAC-SHA1 over the request", () => {
    const oauth = {
      oauth_consumer_key: "c",
      oauth_nonce: "n",
      oauth_signature_method: "HMAC-SHA1",
      oauth_timestamp: String(now / 1000),
      oauth_token: "t",
    };
    const parameters = ["a%20b=%C3%BC", ...Object.entries(oauth).map(([name, value]) => `${name}=${value}`)].join("&");
    const base = ["GET", encodeURIComponent(request.url), encodeURIComponent(parameters)].join("&");
    expect(check({ ...oauth, oauth_signature: createHmac("sha1", "&s").update(base).digest("base64") })).toBe(token);
  });

  it.each([
    [{ oauth_consumer_key: "x" }, "401 Authorization Error: Invalid API key."],
    [{ oauth_token: "x" }, "401 Authorization Error: 'Invalid access token: x'"],
    [{ oauth_version: "2.0" }, "401 Authorization Error: 'OAuth version 2.0 not supported.'"],
    [
      { oauth_signature_method: "RSA-SHA1" },
      "401 Authorization Error: 'Signature method RSA-SHA1 not supported try one of the following: PLAINTEXT, HMAC-SHA1'",
    ],
  ])("refuses %j", (change, message) => {
    expect(refusal(() => check(change))).toBe(message);
  });

  it("never tells the secret that a wrong signature should have been", () => {
    const secret = { ...token, tokenSecret: "do-not-tell" };
    const oauth = new OAuth({ consumer: () => true, token: () => secret }, () => now);
    expect(refusal(() => check({ oauth_signature: "&wrong" }, oauth))).not.toContain("do-not-tell");
  });

  it("refuses timestamps older than five minutes, and takes those of the future", () => {
    expect(refusal(() => check({ oauth_timestamp: String(now / 1000 - 301) }))).toMatch(/^401 .*Expired timestamp/);
    expect(check({ oauth_timestamp: String(now / 1000 + 4000) })).toBe(token);
  });

  it("takes a nonce once", () => {
    const oauth = new OAuth({ consumer: () => true, token: () => token }, () => now);
    expect(check({}, oauth)).toBe(token);
    expect(refusal(() => check({}, oauth))).toBe("401 Authorization Error: 'Nonce already used: n'");
    expect(check({ oauth_nonce: "m" }, oauth)).toBe(token);
  });

  it.each(["oauth_timestamp", "oauth_nonce", "oauth_signature"])("counts a request without %s as anonymous", (name) => {
    expect(check({ [name]: undefined })).toBeUndefined();
  });

  it("does not read other schemes", () => {
    expect(parseAuthorization("Basic abc")).toBeUndefined();
    expect(parseAuthorization(undefined)).toBeUndefined();
  });
});

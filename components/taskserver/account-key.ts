import { createHash } from "node:crypto";

/**
 * A version 4 UUID (RFC 9562) made from a secret text: the key of a user, which is half of its credentials. The random
 * provider's own UUIDs will not do: they are their resource's id as well, and ids are in clear in the state.
 */
export function uuidFrom(secret: string): string {
  const bytes = createHash("sha256").update(secret).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

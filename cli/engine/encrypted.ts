/** A stack file's values with something else in the place of each encrypted one: of the objects that the engine writes as `secure`. */
export function replaceEncrypted(value: unknown, replacement: (ciphertext: string) => unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => replaceEncrypted(item, replacement));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  return "secure" in value
    ? replacement(String(value.secure))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceEncrypted(item, replacement)]));
}

import { Secret, secretsIn } from "../core/secret";

/** Shorter ones stand by chance in much that is no secret. */
const SHORTEST = 8;

/** All texts in plain lists and maps; those of secrets are left out. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  return value !== null && typeof value === "object" && !Secret.isInstance(value) ? Object.values(value).flatMap(textsIn) : [];
}

/**
 * The texts of all secrets in the settings, as they are and as JSON has them. Without those that the settings have in clear as well: the
 * address of a BMC stands among the parameters of its power type, which are secret as a whole. Without words, as the parameters have them
 * too (ADMINISTRATOR), and without lists and maps, such as a command's words.
 */
export function secretTexts(settings: object): string[] {
  const plain = textsIn(settings);
  const texts = secretsIn(settings)
    .filter(({ known }) => known)
    .map((secret) => secret.reveal())
    .filter((value) => typeof value === "string")
    .filter((text) => text.length >= SHORTEST && !/^[a-z-]{1,15}$/i.test(text) && !plain.some((other) => other.includes(text)));
  return [...new Set(texts.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]))];
}

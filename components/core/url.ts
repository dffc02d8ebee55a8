import { UserError } from "./user-error";

/**
 * The parts of a URL that a program gives, which nothing has looked at yet.
 *
 * @param path the argument that it is of
 * @param secret keeps it out of the message. Default false
 * @throws UserError where it is none
 */
export function parsedUrl(path: string, text: string, secret = false): URL {
  if (!URL.canParse(text)) {
    throw new UserError({
      path,
      message: "is not a URL",
      ...(!secret && { found: text }),
      allowed: "a URL with http:// or https:// before the host",
      fix: "write it in full, such as https://maas.example:5443/MAAS",
    });
  }
  return new URL(text);
}

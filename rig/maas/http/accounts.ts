/** `POST /MAAS/accounts/authenticate/`: an API key for a name and a password. */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import { newToken } from "../state/seed";
import type { World } from "../world";
import { Answer, contentTypes } from "./answers";
import type { MaasRequest } from "./request";

const digest = (password: string, salt: string) => scryptSync(password, salt, 32).toString("hex");

/** As kept in the database: salt and digest. */
export function hashPassword(password: string): string {
  const salt = randomBytes(16).toString("hex");
  return `${salt}:${digest(password, salt)}`;
}

/** A user without a password cannot log in. */
function matches(kept: string, given: string): boolean {
  const [salt, expected] = kept.split(":");
  return Boolean(salt && expected) && timingSafeEqual(Buffer.from(digest(given, salt!)), Buffer.from(expected!));
}

const frame = { "X-Frame-Options": "DENY" };

/** The key of that consumer, the user's first key where none is named, or a new one. */
export function authenticate({ tables, store }: World, request: MaasRequest): Answer {
  if (request.method !== "POST") return new Answer(405, "", contentTypes.html, { ...frame, Allow: "POST" });
  const { form } = request;
  const user = tables.users.find((row) => row.username === form.get("username"));
  if (!user || !matches(user.password, form.get("password") ?? "")) return new Answer(403, "", contentTypes.html, frame);
  const consumer = form.get("consumer");
  const mine = tables.tokens.filter((row) => row.userId === user.id);
  const token =
    (consumer === undefined ? mine[0] : mine.find((row) => row.name === consumer)) ??
    newToken(store, consumer ?? "MAAS consumer", { userId: user.id });
  const shown = { consumer_key: token.consumerKey, name: token.name, token_key: token.tokenKey, token_secret: token.tokenSecret };
  return new Answer(200, JSON.stringify(shown), contentTypes.plainJson, { ...frame, Vary: "Cookie" });
}

import { deleted, text } from "../http/answers";
import type { Context } from "../http/context";
import { mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Token } from "../state/model";
import { newToken } from "../state/seed";

const ownTokens = ({ maas, user }: Context): Token[] => maas.tables.tokens.filter((row) => row.userId === user.id);

function createToken({ maas, user, form }: Context) {
  const name = form.get("name") ?? "MAAS consumer";
  const token = newToken(maas.store, name, { userId: user.id });
  return { token_key: token.tokenKey, token_secret: token.tokenSecret, consumer_key: token.consumerKey, name };
}

function listTokens(context: Context) {
  return ownTokens(context).map((row) => ({ name: row.name, token: `${row.consumerKey}:${row.tokenKey}:${row.tokenSecret}` }));
}

function updateTokenName(context: Context) {
  const given = mandatory(context.form, "token");
  const name = mandatory(context.form, "name");
  const parts = given.split(":");
  const token = ownTokens(context).find((row) => row.tokenKey === (parts.length === 3 ? parts[1] : given));
  if (token) token.name = name;
  context.maas.store.touch();
  return text("Accepted", 202);
}

function deleteToken(context: Context) {
  const key = mandatory(context.form, "token_key");
  context.maas.store.remove("tokens", (row) => row.tokenKey === key && row.userId === context.user.id);
  return deleted();
}

export const accountEndpoints: Endpoint<Context>[] = [
  {
    path: "account/",
    operations: {
      "POST create_authorisation_token": createToken,
      "GET list_authorisation_tokens": listTokens,
      "POST update_token_name": updateTokenName,
      "POST delete_authorisation_token": deleteToken,
    },
  },
];

import { hashPassword } from "../http/accounts";
import { ApiError, badRequest, contentTypes, crashed, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { User } from "../state/model";
import { newUser } from "../state/seed";

/** A database clash that MAAS retried in vain ends in its web server's error page. */
const conflictPage = `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
  <head>
    <title>Error: Conflict Error</title>
  </head>
  <body>
    <h2 class="p-heading--four">
      Conflict error. Try your request again, as it will most likely succeed.
    </h2>
  </body>
</html>
`;

/** MAAS's own user: it owns what the region does by itself, and cannot log in. */
const systemUser: User = { id: 0, username: "MAAS", email: "maas@localhost", isSuperuser: true, password: "" };
const everybody = ({ maas }: Context) => [systemUser, ...maas.tables.users];

function find(context: Context, name: string) {
  const user = everybody(context).find((row) => row.username === name);
  if (!user) throw notFound("User");
  return user;
}

const list = (context: Context) =>
  everybody(context)
    .sort((a, b) => (a.username < b.username ? -1 : 1))
    .map((row) => context.maas.render.network.user(row));
const whoami = ({ maas, user }: Context) => maas.render.network.user(user);

function create(context: Context) {
  context.requireAdmin();
  const { maas, form } = context;
  const username = mandatory(form, "username");
  const email = mandatory(form, "email");
  const password = mandatory(form, "password");
  const isSuperuser = mandatory(form, "is_superuser");
  if (!["0", "1"].includes(isSuperuser)) throw crashed(`Not a valid Boolean value (0 or 1): '${isSuperuser}'`);
  if (everybody(context).some((row) => row.username === username || row.email === email)) {
    throw new ApiError(409, conflictPage, contentTypes.html, { "Retry-After": "5" });
  }
  return maas.render.network.user(
    newUser(maas.store, { username, email, isSuperuser: isSuperuser === "1", password: hashPassword(password) }),
  );
}

function get(context: Context) {
  return context.maas.render.network.user(find(context, context.parameter("username")));
}

function remove(context: Context) {
  context.requireAdmin();
  const { maas } = context;
  const name = context.parameter("username");
  if (name === context.user.username) throw badRequest("An administrator cannot self-delete.");
  if (name === systemUser.username) throw crashed("User has no userprofile.");
  const user = maas.tables.users.find((row) => row.username === name);
  if (user) {
    if (maas.tables.nodes.some((node) => node.ownerId === user.id))
      throw badRequest(`User ${name} cannot be deleted: 1 node(s) are still allocated`);
    maas.store.remove("users", (row) => row.id === user.id);
    maas.store.remove("tokens", (row) => row.userId === user.id);
    maas.store.remove("sshKeys", (row) => row.userId === user.id);
  }
  return deleted();
}

export const userEndpoints: Endpoint<Context>[] = [
  { path: "users/", operations: { GET: list, "GET whoami": whoami, POST: create } },
  { path: "users/{username}/", operations: { GET: get, DELETE: remove } },
];

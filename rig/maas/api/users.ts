import { ApiError, badRequest, contentTypes, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import { newUser } from "../state/seed";

/** A database clash that MAAS retried in vain ends in its web server's error page. */
const conflictPage =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n' +
  '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n  <head>\n    <title>Error: Conflict Error</title>\n  </head>\n  <body>\n    <h2>Conflict error.</h2>\n' +
  "    <p>\n      Your request could not be completed due to a conflict with another request. Try again.\n    </p>\n  </body>\n</html>\n";

function find({ maas }: Context, name: string) {
  const user = maas.tables.users.find((row) => row.username === name);
  if (!user) throw notFound("User");
  return user;
}

const list = ({ maas }: Context) =>
  [...maas.tables.users].sort((a, b) => a.username.localeCompare(b.username)).map((row) => maas.render.network.user(row));
const whoami = ({ maas, user }: Context) => maas.render.network.user(user);

function create(context: Context) {
  context.requireAdmin();
  const { maas, form } = context;
  const username = mandatory(form, "username");
  const email = mandatory(form, "email");
  if (!form.has("remote_auth")) mandatory(form, "password");
  const isSuperuser = checkbox(mandatory(form, "is_superuser")) && form.get("is_superuser") !== "0";
  if (maas.tables.users.some((row) => row.username === username || row.email === email)) {
    throw new ApiError(409, conflictPage, contentTypes.html, { "Retry-After": "5", "X-Frame-Options": "DENY", Vary: "Cookie" });
  }
  return maas.render.network.user(newUser(maas.store, { username, email, isSuperuser }));
}

function get(context: Context) {
  return context.maas.render.network.user(find(context, context.parameter("username")));
}

function remove(context: Context) {
  context.requireAdmin();
  const { maas } = context;
  const name = context.parameter("username");
  if (name === context.user.username) throw badRequest("An administrator cannot self-delete.");
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

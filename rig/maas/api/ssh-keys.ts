import { X509Certificate } from "node:crypto";
import { ApiError, contentTypes, crashed, deleted, json, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, formErrors, mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { SshKey, SslKey } from "../state/model";

const show = (row: SshKey) => ({
  id: row.id,
  key: row.key,
  keysource: row.keysource,
  resource_uri: `/MAAS/api/2.0/account/prefs/sshkeys/${row.id}/`,
});

const keyTypes = [
  "ssh-dss",
  "ssh-rsa",
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

/** OpenSSH's format: the blob begins with its own type's name. */
function isPublicKey(key: string): boolean {
  const [type = "", blob = ""] = key.trim().split(/\s+/);
  if (!keyTypes.includes(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(blob)) return false;
  const bytes = Buffer.from(blob, "base64");
  return bytes.length > 4 && bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString() === type;
}

function find(context: Context): SshKey {
  const row = context.maas.tables.sshKeys.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("SSHKey");
  return row;
}

const list = ({ maas, user }: Context) => maas.tables.sshKeys.filter((row) => row.userId === user.id).map(show);

function create({ maas, user, form }: Context) {
  const fields = new Form(form);
  const key = fields.required("key", (value) => (isPublicKey(value) ? undefined : "Invalid SSH public key: Invalid value."));
  fields.done();
  if (maas.tables.sshKeys.some((row) => row.userId === user.id && row.key === key))
    throw formErrors({ __all__: ["This key has already been added for this user."] });
  const row = maas.store.insert("sshKeys", { id: maas.store.nextId("sshKeys"), userId: user.id, key: key!, keysource: "" });
  // The answer to the creation is shorter than what a reading shows.
  return json({ id: row.id, key: row.key }, 201);
}

function importKeys({ form }: Context): never {
  const source = mandatory(form, "keysource");
  const [protocol = ""] = source.split(":");
  if (source.includes(":") && !["lp", "gh"].includes(protocol.toLowerCase()))
    throw crashed(`Unknwon protocol ${protocol}. Valid protocols are 'LP' and 'GH'.`);
  // The simulator's world ends at its own network.
  throw new ApiError(
    400,
    JSON.stringify({ __all__: ["Unable to import SSH keys. There are no SSH keys to import or the source cannot be reached."] }),
    contentTypes.json,
  );
}

function remove(context: Context) {
  const row = find(context);
  if (row.userId !== context.user.id) return text("Can't delete a key you don't own.", 403, contentTypes.text);
  context.maas.store.remove("sshKeys", (candidate) => candidate.id === row.id);
  return deleted();
}

const showSsl = (row: SslKey) => ({ id: row.id, key: row.key, resource_uri: `/MAAS/api/2.0/account/prefs/sslkeys/${row.id}/` });

function listSsl({ maas, user }: Context) {
  return maas.tables.sslKeys.filter((row) => row.userId === user.id).map(showSsl);
}

function createSsl({ maas, user, form }: Context) {
  const fields = new Form(form);
  const key = fields.required("key", (value) => (isCertificate(value) ? undefined : "Invalid SSL key."));
  fields.done();
  if (maas.tables.sslKeys.some((row) => row.userId === user.id && row.key === key))
    throw formErrors({ __all__: ["This key has already been added for this user."] });
  const row = maas.store.insert("sslKeys", { id: maas.store.nextId("sslKeys"), userId: user.id, key: key! });
  return json({ id: row.id, key: row.key }, 201);
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text) !== undefined;
  } catch {
    return false;
  }
}

function findSsl(context: Context): SslKey {
  const row = context.maas.tables.sslKeys.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("SSLKey");
  if (row.userId !== context.user.id) throw new ApiError(403, "Can't get a key you don't own.");
  return row;
}

function removeSsl(context: Context) {
  const row = context.maas.tables.sslKeys.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("SSLKey");
  if (row.userId !== context.user.id) return text("Can't delete a key you don't own.", 403, contentTypes.text);
  context.maas.store.remove("sslKeys", (candidate) => candidate.id === row.id);
  return deleted();
}

export const sshKeyEndpoints: Endpoint<Context>[] = [
  { path: "account/prefs/sshkeys/", operations: { GET: list, POST: create, "POST import": importKeys } },
  { path: "account/prefs/sshkeys/{id}/", operations: { GET: (context) => show(find(context)), DELETE: remove } },
  { path: "account/prefs/sslkeys/", operations: { GET: listSsl, POST: createSsl } },
  { path: "account/prefs/sslkeys/{id}/", operations: { GET: (context) => showSsl(findSsl(context)), DELETE: removeSsl } },
];

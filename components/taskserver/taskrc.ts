/** What the stack's output `taskServers` has for one user: all that a client needs. A secret as a whole. */
export interface TaskdAccess {
  /** `address:port` of taskd. */
  server: string;
  /** `organisation/user/key`. */
  credentials: string;
  /** PEM of the authority that signed the server's certificate. */
  ca: string;
  /** PEM of the user's certificate. */
  certificate: string;
  /** PEM; a secret. */
  key: string;
}

/** The same for TaskChampion's sync server. */
export interface TaskChampionAccess {
  /** Base URL. */
  url: string;
  /** UUID that names the user's task list on the server. */
  clientId: string;
  /** Secret that the client encrypts with before anything leaves it; the server never sees it. */
  encryptionSecret: string;
  /** PEM of the authority, where the lab made the server's certificate. */
  ca?: string;
}

/** What one user needs to sync. */
export interface UserAccess {
  /** Name of the user. */
  user: string;
  /** Name of the organisation. */
  organisation: string;
  /** For Taskwarrior 2. Undefined without taskd. */
  taskd?: TaskdAccess;
  /** For Taskwarrior 3. Undefined without its server. */
  taskchampion?: TaskChampionAccess;
}

/** A file to be written, with its mode: keys and the taskrc that has credentials are for their owner only. */
export interface ClientFile {
  /** Without a folder. */
  name: string;
  /** As for chmod: `0o600`. */
  mode: number;
  /** The text. */
  content: string;
}

/** Taskwarrior 2 (up to 2.6.2) speaks to taskd, Taskwarrior 3 to TaskChampion's server. */
export type TaskwarriorVersion = 2 | 3;

/** Certificates and keys that go into the client's data folder, `~/.task` by default. Empty for Taskwarrior 3 without TLS of ours. */
export function clientFiles(access: UserAccess, version: TaskwarriorVersion): ClientFile[] {
  if (version === 2) {
    const taskd = required(access.taskd, access, 2);
    return [
      { name: "ca.cert.pem", mode: 0o644, content: taskd.ca },
      { name: `${fileName(access.user)}.cert.pem`, mode: 0o644, content: taskd.certificate },
      { name: `${fileName(access.user)}.key.pem`, mode: 0o600, content: taskd.key },
    ];
  }
  const { ca } = required(access.taskchampion, access, 3);
  return ca ? [{ name: "ca.cert.pem", mode: 0o644, content: ca }] : [];
}

/**
 * The lines of a taskrc that make it sync, by setting name. `folder` is where `clientFiles` are, as the client will see
 * it (`~/.task` works: Taskwarrior expands it).
 */
export function syncSettings(access: UserAccess, version: TaskwarriorVersion, folder: string): Record<string, string> {
  if (version === 2) {
    const taskd = required(access.taskd, access, 2);
    return {
      "taskd.server": taskd.server,
      "taskd.credentials": taskd.credentials,
      "taskd.ca": `${folder}/ca.cert.pem`,
      "taskd.certificate": `${folder}/${fileName(access.user)}.cert.pem`,
      "taskd.key": `${folder}/${fileName(access.user)}.key.pem`,
      // Verifies the server's certificate and that it carries the name or address connected to.
      "taskd.trust": "strict",
    };
  }
  const server = required(access.taskchampion, access, 3);
  return {
    "sync.server.url": server.url,
    "sync.server.client_id": server.clientId,
    "sync.encryption_secret": server.encryptionSecret,
  };
}

/** `syncSettings` as the text of a taskrc. Contains secrets. */
export function renderTaskrc(access: UserAccess, version: TaskwarriorVersion, folder: string): string {
  const settings = syncSettings(access, version, folder);
  return (
    Object.entries(settings)
      // A backslash is an escape in a taskrc; slashes are not.
      .map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}\n`)
      .join("")
  );
}

/**
 * An existing taskrc with its sync settings replaced by these and everything else left as it was. Settings of the other
 * version's protocol stay too: one taskrc may serve both during a migration.
 */
export function mergeTaskrc(existing: string, access: UserAccess, version: TaskwarriorVersion, folder: string): string {
  const names = new Set(Object.keys(syncSettings(access, version, folder)));
  const kept = existing.split("\n").filter((line) => !names.has(line.split("=")[0].trim()));
  while (kept.length > 0 && kept[kept.length - 1].trim() === "") {
    kept.pop();
  }
  return `${kept.map((line) => `${line}\n`).join("")}${renderTaskrc(access, version, folder)}`;
}

function required<T>(value: T | undefined, access: UserAccess, version: TaskwarriorVersion): T {
  if (value === undefined) {
    const server = version === 2 ? "taskd" : "TaskChampion's sync server";
    throw new Error(`${access.organisation}/${access.user} has no access to ${server}: it is not enabled, or the user is not active`);
  }
  return value;
}

/** A user's name as a file name without surprises. */
function fileName(user: string): string {
  return user.normalize("NFKD").replace(/[^A-Za-z0-9._-]+/g, "_");
}

import { toBytes } from "../core/notations";
import type { TaskdOptions } from "./args";

/** taskd's registered port. */
export const TASKD_PORT = 53589;

/** Where things are inside the container. */
export const TASKD_PATHS = {
  data: "/var/lib/taskd",
  config: "/etc/taskd/config",
  certificates: "/etc/taskd-tls",
  accounts: "/etc/taskd-accounts/accounts",
} as const;

export interface TaskdConfigOptions {
  /** Data folder; TASKDDATA. */
  data: string;
  /** Folder with ca.pem, server.pem, server.key and, when `revocations`, crl.pem. */
  certificates: string;
  /** Whether there is a certificate revocation list; taskd fails on an empty one. */
  revocations?: boolean;
  /** Address and port to listen on. */
  listen?: string;
}

/** taskd's `config` file, keys as in taskdrc(5), sorted. */
export function renderTaskdConfig(settings: TaskdOptions, options: TaskdConfigOptions): string {
  const { data, certificates } = options;
  const values: Record<string, string> = {
    "ca.cert": `${certificates}/ca.pem`,
    // GnuTLS's notation; clients of the last ten years speak 1.2.
    ciphers: "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1",
    confirmation: "0",
    debug: settings.verbosity === "debug" ? "1" : "0",
    "ip.log": settings.ipLog ? "1" : "0",
    // Standard output, for the container's log.
    log: "-",
    "pid.file": "/tmp/taskd.pid",
    "queue.size": String(settings.queueSize),
    "request.limit": String(toBytes(settings.requestLimit)),
    root: data,
    server: options.listen ?? `0.0.0.0:${TASKD_PORT}`,
    "server.cert": `${certificates}/server.pem`,
    "server.key": `${certificates}/server.key`,
    trust: settings.trust,
    verbose: settings.verbosity === "quiet" ? "0" : "1",
    ...(options.revocations ? { "server.crl": `${certificates}/crl.pem` } : {}),
  };
  return Object.keys(values)
    .sort()
    .map((key) => `${key}=${values[key]}\n`)
    .join("");
}

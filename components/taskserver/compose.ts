import * as yaml from "js-yaml";
import type { TaskServersSettings } from "../settings/task-servers";
import { renderAccounts } from "./accounts";
import { script } from "./script";
import { memoryLimit, TASKD_USER } from "./taskd";
import { renderTaskdConfig, TASKD_PATHS, TASKD_PORT } from "./taskd-config";
import type { ClientFile } from "./taskrc";

export interface ComposeOptions {
  /** Image of taskd. */
  image: string;
  /** Key of every account by id. */
  keys: Record<string, string>;
  /** PEMs. */
  authority: string;
  server: { certificate: string; privateKey: string };
  revocations?: string;
}

/**
 * taskd as a single container on any machine with Docker or Podman: the same image, configuration, certificates and
 * accounts as in the cluster. The files belong into one folder; `docker compose up -d` there starts it. Files with
 * secrets are for the container's user only: `chown -R 10589:10589 secrets` once.
 */
export function composeFiles(settings: TaskServersSettings, options: ComposeOptions): ClientFile[] {
  const { image, keys, authority, server, revocations } = options;
  const read = (from: string, to: string) => `./${from}:${to}:ro`;
  const common = {
    image,
    user: `${TASKD_USER}:${TASKD_USER}`,
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
  };
  const compose = {
    name: "task-server",
    services: {
      layout: {
        ...common,
        entrypoint: ["/bin/sh", "/etc/taskd/layout.sh", TASKD_PATHS.data, TASKD_PATHS.config, TASKD_PATHS.accounts],
        volumes: [`tasks:${TASKD_PATHS.data}`, read("taskd", "/etc/taskd"), read("secrets", "/etc/taskd-accounts")],
      },
      taskd: {
        ...common,
        command: ["server", "--data", TASKD_PATHS.data],
        depends_on: { layout: { condition: "service_completed_successfully" } },
        restart: "unless-stopped",
        // As process 1 taskd would not get SIGTERM.
        init: true,
        stop_grace_period: "15s",
        mem_limit: memoryLimit(settings.taskd).replace("Mi", "m"),
        ports: [`${TASKD_PORT}:${TASKD_PORT}`],
        tmpfs: ["/tmp:size=1m"],
        volumes: [`tasks:${TASKD_PATHS.data}`, read("taskd", "/etc/taskd"), read("secrets", TASKD_PATHS.certificates)],
        healthcheck: {
          test: ["CMD", "/bin/sh", "/etc/taskd/probe.sh", "alive", String(TASKD_PORT)],
          interval: "10s",
          retries: 3,
          start_period: "120s",
        },
      },
    },
    volumes: { tasks: {} },
  };
  const secret = (name: string, content: string): ClientFile => ({ name: `secrets/${name}`, mode: 0o400, content });
  const plain = (name: string, content: string): ClientFile => ({ name, mode: 0o644, content });
  return [
    plain("compose.yaml", yaml.dump(compose, { lineWidth: -1, noRefs: true })),
    plain("taskd/config", renderTaskdConfig(settings.taskd, { ...TASKD_PATHS, revocations: revocations !== undefined })),
    plain("taskd/layout.sh", script("layout.sh")),
    plain("taskd/probe.sh", script("probe.sh")),
    secret("accounts", renderAccounts(settings, keys)),
    secret("ca.pem", authority),
    secret("server.pem", server.certificate),
    secret("server.key", server.privateKey),
    ...(revocations === undefined ? [] : [secret("crl.pem", revocations)]),
  ];
}

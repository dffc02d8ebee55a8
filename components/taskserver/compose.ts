import * as yaml from "js-yaml";
import { renderAccounts } from "./accounts";
import type { TaskdOptions, TaskServersOptions } from "./args";
import { GATE_PATHS, renderTaskChampionGate, renderTaskdGate } from "./gate";
import { script } from "./script";
import { TASKCHAMPION_DATA, TASKCHAMPION_PORT, TASKCHAMPION_TLS_PORT, TASKCHAMPION_USER } from "./taskchampion";
import { memoryLimit, TASKD_INNER_PORT, TASKD_USER } from "./taskd";
import { renderTaskdConfig, TASKD_PATHS, TASKD_PORT } from "./taskd-config";
import type { ClientFile } from "./taskrc";

export interface ComposeOptions {
  images: Record<"taskd" | "taskchampion-sync-server" | "haproxy", string>;
  /** Key of every account by id. */
  keys: Record<string, string>;
  /** Client ids that TaskChampion's server lets in. */
  clientIds: readonly string[];
  /** PEMs. */
  authority: string;
  server: { certificate: string; privateKey: string };
  revocations?: string;
}

const read = (from: string, to: string) => `./${from}:${to}:ro`;
const hardened = (user: number) => ({
  user: `${user}:${user}`,
  read_only: true,
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
  restart: "unless-stopped",
});
const secret = (name: string, content: string): ClientFile => ({ name, mode: 0o400, content });
const plain = (name: string, content: string): ClientFile => ({ name, mode: 0o644, content });

/**
 * The task servers as containers on any machine with Docker or Podman: the same images, configuration, certificates and
 * accounts as in the cluster. The files belong into one folder; `docker compose up -d` there starts them. Folders with
 * secrets are for the containers' users only: see README.txt among them.
 */
export function composeFiles(settings: Omit<TaskServersOptions, "namespace">, options: ComposeOptions): ClientFile[] {
  const parts = [
    ...(settings.taskd ? [taskdPart(settings, settings.taskd, options)] : []),
    ...(settings.taskchampion ? [taskChampionPart(options)] : []),
  ];
  const compose = {
    name: "task-servers",
    services: Object.assign({}, ...parts.map(({ services }) => services)),
    volumes: Object.fromEntries(parts.map(({ volume }) => [volume, {}])),
  };
  return [
    plain("compose.yaml", yaml.dump(compose, { lineWidth: -1, noRefs: true })),
    plain(
      "README.txt",
      `${["Before the first start, as root:", "", ...parts.map(({ owner }) => `  ${owner}`), "", "Then: docker compose up -d   (or podman-compose up -d)"].join("\n")}\n`,
    ),
    ...parts.flatMap(({ files }) => files),
  ];
}

interface Part {
  services: Record<string, object>;
  volume: string;
  files: ClientFile[];
  /** Gives the secrets to the containers' user. */
  owner: string;
}

function taskdPart(
  settings: Omit<TaskServersOptions, "namespace">,
  taskd: TaskdOptions,
  { images, keys, authority, server, revocations }: ComposeOptions,
): Part {
  const common = { ...hardened(TASKD_USER), image: images.taskd };
  const tasks = `taskd:${TASKD_PATHS.data}`;
  const config = renderTaskdConfig(taskd, {
    ...TASKD_PATHS,
    revocations: revocations !== undefined,
    listen: `127.0.0.1:${TASKD_INNER_PORT}`,
  });
  const gate = renderTaskdGate(
    { listen: TASKD_PORT, server: TASKD_INNER_PORT },
    { log: taskd.ipLog, trust: taskd.trust, revocations: revocations !== undefined },
  );
  return {
    services: {
      "taskd-gate": {
        ...hardened(TASKD_USER),
        image: images.haproxy,
        command: ["haproxy", "-db", "-f", `${GATE_PATHS.config}/haproxy.cfg`],
        ports: [`${TASKD_PORT}:${TASKD_PORT}`],
        volumes: [read("taskd-gate", GATE_PATHS.config), read("taskd-gate-tls", GATE_PATHS.tls)],
      },
      "taskd-layout": {
        ...common,
        restart: "no",
        entrypoint: ["/bin/sh", "/etc/taskd/layout.sh", TASKD_PATHS.data, TASKD_PATHS.config, TASKD_PATHS.accounts],
        volumes: [tasks, read("taskd", "/etc/taskd"), read("taskd-accounts", "/etc/taskd-accounts")],
      },
      taskd: {
        ...common,
        command: ["server", "--data", TASKD_PATHS.data],
        // As in a pod: the gate finds it on the loopback device that they share.
        network_mode: "service:taskd-gate",
        depends_on: { "taskd-layout": { condition: "service_completed_successfully" } },
        // As process 1 taskd would not get SIGTERM.
        init: true,
        stop_grace_period: "15s",
        mem_limit: memoryLimit(taskd).replace("Mi", "m"),
        tmpfs: ["/tmp:size=1m"],
        volumes: [tasks, read("taskd", "/etc/taskd"), read("taskd-tls", TASKD_PATHS.certificates)],
        healthcheck: {
          test: ["CMD", "/bin/sh", "/etc/taskd/probe.sh", "alive", String(TASKD_INNER_PORT)],
          interval: "10s",
          retries: 3,
          start_period: "120s",
        },
      },
    },
    volume: "taskd",
    owner: `chown -R ${TASKD_USER}:${TASKD_USER} taskd-accounts taskd-tls taskd-gate-tls`,
    files: [
      plain("taskd-gate/haproxy.cfg", gate),
      secret("taskd-gate-tls/ca.pem", authority),
      secret("taskd-gate-tls/server.pem", [server.certificate, server.privateKey].join("\n")),
      ...(revocations === undefined ? [] : [secret("taskd-gate-tls/crl.pem", revocations)]),
      plain("taskd/config", config),
      plain("taskd/layout.sh", script("layout.sh")),
      plain("taskd/probe.sh", script("probe.sh")),
      secret("taskd-accounts/accounts", renderAccounts(settings, keys)),
      secret("taskd-tls/ca.pem", authority),
      secret("taskd-tls/server.pem", server.certificate),
      secret("taskd-tls/server.key", server.privateKey),
      ...(revocations === undefined ? [] : [secret("taskd-tls/crl.pem", revocations)]),
    ],
  };
}

function taskChampionPart({ images, clientIds, server }: ComposeOptions): Part {
  const gate = renderTaskChampionGate({ listen: TASKCHAMPION_TLS_PORT, server: TASKCHAMPION_PORT }, { log: true, tls: true });
  return {
    services: {
      "taskchampion-gate": {
        ...hardened(TASKCHAMPION_USER),
        image: images.haproxy,
        command: ["haproxy", "-db", "-f", `${GATE_PATHS.config}/haproxy.cfg`],
        ports: [`${TASKCHAMPION_TLS_PORT}:${TASKCHAMPION_TLS_PORT}`],
        volumes: [read("taskchampion-gate", GATE_PATHS.config), read("taskchampion-tls", GATE_PATHS.tls)],
      },
      taskchampion: {
        ...hardened(TASKCHAMPION_USER),
        image: images["taskchampion-sync-server"],
        entrypoint: ["taskchampion-sync-server"],
        network_mode: "service:taskchampion-gate",
        environment: { LISTEN: `127.0.0.1:${TASKCHAMPION_PORT}`, DATA_DIR: TASKCHAMPION_DATA, RUST_LOG: "info" },
        env_file: ["taskchampion.env"],
        mem_limit: "256m",
        volumes: [`taskchampion:${TASKCHAMPION_DATA}`],
      },
    },
    volume: "taskchampion",
    owner: `chown -R ${TASKCHAMPION_USER}:${TASKCHAMPION_USER} taskchampion-tls`,
    files: [
      plain("taskchampion-gate/haproxy.cfg", gate),
      secret("taskchampion-tls/server.pem", [server.certificate, server.privateKey].join("\n")),
      secret("taskchampion.env", `CLIENT_ID=${clientIds.join(",")}\n`),
    ],
  };
}

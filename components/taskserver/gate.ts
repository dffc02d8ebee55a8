import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { follower } from "../kubernetes/follower";
import { containerSecurity, labelsOf, selectorOf } from "../kubernetes/workload";

/** Where HAProxy's files are in its container, and the port of its metrics. */
export const GATE_PATHS = { config: "/etc/haproxy", tls: "/etc/haproxy-tls" } as const;
export const GATE_METRICS_PORT = 8404;

/** At once. 2,000 that stopped in the middle of their handshake took 106 MB (measured with 2.6); the container may have 128 MiB. */
const CONNECTIONS = 1536;
/**
 * Of these, from one address: who opens more is refused, and keeps nobody else out. Half of all, for a load balancer on the nodes may show
 * every client under its own address.
 */
const OF_ONE_ADDRESS = 768;

/** Of a frontend: who has so many connections open is refused a further one. */
function fairly(ofOneAddress: number): string[] {
  return [
    "stick-table type ipv6 size 10k expire 5m store conn_cur",
    "tcp-request connection track-sc0 src",
    `tcp-request connection reject if { sc0_conn_cur gt ${ofOneAddress} }`,
  ];
}

/** HAProxy's configuration with what every gate has: logs on standard output, limits, and metrics. */
function render(mode: "tcp" | "http", options: { log: boolean }, frontend: string[], backend: string[]): string {
  const section = (name: string, lines: string[]) => [name, ...lines.map((line) => `  ${line}`), ""];
  return [
    ...section("global", ["log stdout format raw local0 info", `maxconn ${CONNECTIONS}`, "hard-stop-after 6m"]),
    ...section("defaults", [
      `mode ${mode}`,
      ...(options.log ? ["log global", `option ${mode}log`, "option dontlognull"] : []),
      "timeout connect 5s",
      "timeout queue 2m",
    ]),
    ...section("frontend tasks", frontend),
    ...section("backend server", backend),
    ...section("frontend metrics", [
      "mode http",
      "no log",
      "timeout client 10s",
      `bind :${GATE_METRICS_PORT}`,
      // Taken from those of the clients.
      "maxconn 64",
      ...fairly(16),
      "http-request use-service prometheus-exporter if { path /metrics }",
      "http-request return status 404",
    ]),
  ].join("\n");
}

/** What the taskd gate's folder `GATE_PATHS.tls` holds: one PEM with the server's certificate and key, the authority, perhaps a revocation list. */
export interface TaskdGateTls {
  trust: "strict" | "allow all";
  revocations: boolean;
}

/**
 * What stands in front of taskd, which serves one connection at a time and waits for its TLS handshake and its first message without
 * a limit. The gate therefore does the handshake itself, for many clients at once and with time-outs, checks the client's
 * certificate as taskd would, and connects to taskd only for those that have said something. Towards taskd it speaks TLS again, with
 * the server's own certificate. It does not look at taskd's, which is the one of taskd's start and may have ended since: the connection
 * does not leave the pod.
 */
export function renderTaskdGate(
  ports: { listen: number; server: number },
  options: { log: boolean } & TaskdGateTls,
  folder: string = GATE_PATHS.tls,
): string {
  const checked = `verify required ca-file ${folder}/ca.pem${options.revocations ? ` crl-file ${folder}/crl.pem` : ""}`;
  return render(
    "tcp",
    options,
    [
      `bind :${ports.listen} ssl crt ${folder}/server.pem ssl-min-ver TLSv1.2 ${options.trust === "strict" ? checked : "verify none"}`,
      "default_backend server",
      ...fairly(OF_ONE_ADDRESS),
      // Of the handshake too. Clients of taskd are heard at once, or are not there any more.
      "timeout client 30s",
      "tcp-request inspect-delay 5s",
      "tcp-request content accept if { req.len gt 0 }",
      "tcp-request content reject",
    ],
    [
      // As long as taskd may be busy with others: the handshake with it counts as connecting.
      "timeout connect 2m",
      "timeout server 5m",
      // A client says nothing while taskd merges its first sync.
      "timeout tunnel 5m",
      // taskd serves one at a time; the others wait at its door.
      `server taskd 127.0.0.1:${ports.server} maxconn 8 ssl crt ${folder}/server.pem verify none`,
    ],
  );
}

/**
 * What stands in front of TaskChampion's server, which speaks plain HTTP and reads its list of clients at its start only: TLS with the
 * task servers' own certificate unless something else does it, and the list where it may change: `clients`, a file with an id a line.
 */
export function renderTaskChampionGate(
  ports: { listen: number; server: number },
  options: { log: boolean; tls: boolean; clients?: string },
): string {
  const tls = options.tls ? ` ssl crt ${GATE_PATHS.tls}/server.pem alpn http/1.1 ssl-min-ver TLSv1.2` : "";
  return render(
    "http",
    options,
    [
      `bind :${ports.listen}${tls}`,
      ...fairly(OF_ONE_ADDRESS),
      ...(options.clients === undefined
        ? []
        : [
            // Of two ids one could be allowed and the other one served.
            "http-request deny deny_status 400 if { req.hdr_cnt(x-client-id) gt 1 }",
            `http-request deny deny_status 403 unless { path / } or { req.hdr(x-client-id) -i -f ${options.clients} }`,
          ]),
      "default_backend server",
      // Of the handshake too.
      "timeout client 30s",
      "timeout http-request 10s",
      "timeout http-keep-alive 10s",
    ],
    ["timeout server 2m", `server taskchampion 127.0.0.1:${ports.server}`],
  );
}

/** HAProxy as a container beside the server. `mounts` brings its configuration to `GATE_PATHS.config`. */
export function gateContainer(
  image: string,
  port: { name: string; containerPort: number },
  mounts: kubernetes.types.input.core.v1.VolumeMount[],
): pulumi.Unwrap<kubernetes.types.input.core.v1.Container> {
  return {
    name: "gate",
    image,
    imagePullPolicy: "IfNotPresent",
    // With a master process, which loads changed files beside what goes on.
    command: ["haproxy", "-W", "-db", "-f", `${GATE_PATHS.config}/haproxy.cfg`],
    ports: [port, { name: "gate-metrics", containerPort: GATE_METRICS_PORT }],
    securityContext: containerSecurity(),
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "128Mi" } },
    livenessProbe: { tcpSocket: { port: "gate-metrics" }, periodSeconds: 30, timeoutSeconds: 5 },
    volumeMounts: mounts,
  } as pulumi.Unwrap<kubernetes.types.input.core.v1.Container>;
}

/** Has the gate read its files again when they change. Connections go on. */
export function gateFollower(
  image: string,
  mounts: kubernetes.types.input.core.v1.VolumeMount[],
): pulumi.Unwrap<kubernetes.types.input.core.v1.Container> {
  const folders = mounts.map(({ mountPath }) => String(mountPath));
  return follower({ name: "gate-reloader", image, folders, run: ["signal", "USR2", "haproxy"], mounts });
}

/** Where Prometheus finds a gate's metrics; a service of its own, for what clients use is open to everybody. */
export function gateMetricsService(
  name: string,
  server: string,
  namespace: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Service {
  const ports = [{ name: "metrics", port: GATE_METRICS_PORT, targetPort: "gate-metrics", protocol: "TCP" }];
  return new kubernetes.core.v1.Service(
    name,
    {
      metadata: { name: `${server}-metrics`, namespace, labels: labelsOf(server, "task-servers") },
      spec: { type: "ClusterIP", selector: selectorOf(server), ports },
    },
    options,
  );
}

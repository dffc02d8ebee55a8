import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { containerSecurity, labelsOf, selectorOf } from "../kubernetes/workload";

/** Where HAProxy's files are in its container, and the port of its metrics. */
export const GATE_PATHS = { config: "/etc/haproxy", tls: "/etc/haproxy-tls" } as const;
export const GATE_METRICS_PORT = 8404;

/** HAProxy's configuration with what every gate has: logs on standard output, limits, and metrics. */
function render(mode: "tcp" | "http", options: { log: boolean }, frontend: string[], backend: string[]): string {
  const section = (name: string, lines: string[]) => [name, ...lines.map((line) => `  ${line}`), ""];
  return [
    ...section("global", ["log stdout format raw local0 info", "maxconn 512"]),
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
      "http-request use-service prometheus-exporter if { path /metrics }",
      "http-request return status 404",
    ]),
  ].join("\n");
}

/**
 * What stands in front of taskd, which serves one connection at a time and waits for its TLS handshake without a limit:
 * only connections that begin with one get through, so that a silent one stops nobody; what is too much at once queues here. TLS
 * itself stays taskd's.
 */
export function renderTaskdGate(ports: { listen: number; server: number }, options: { log: boolean }): string {
  return render(
    "tcp",
    options,
    [
      `bind :${ports.listen}`,
      "default_backend server",
      // Past the handshake as long as the server's: a client says nothing while taskd merges its first sync.
      "timeout client 5m",
      "tcp-request inspect-delay 5s",
      "tcp-request content accept if { req.ssl_hello_type 1 }",
      "tcp-request content reject",
    ],
    // taskd serves one at a time; the others wait at its door, where the liveness probe sees that a connection which says nothing
    // after its first message holds it up, and restarts it within half a minute.
    ["timeout server 5m", `server taskd 127.0.0.1:${ports.server} maxconn 8`],
  );
}

/** TLS for TaskChampion's server, which has none: the task servers' own certificate in front of plain HTTP. */
export function renderTaskChampionGate(ports: { listen: number; server: number }, options: { log: boolean }): string {
  return render(
    "http",
    options,
    [
      `bind :${ports.listen} ssl crt ${GATE_PATHS.tls}/server.pem alpn http/1.1 ssl-min-ver TLSv1.2`,
      "default_backend server",
      "timeout client 1m",
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
    command: ["haproxy", "-db", "-f", `${GATE_PATHS.config}/haproxy.cfg`],
    ports: [port, { name: "gate-metrics", containerPort: GATE_METRICS_PORT }],
    securityContext: containerSecurity(),
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "128Mi" } },
    livenessProbe: { tcpSocket: { port: "gate-metrics" }, periodSeconds: 30, timeoutSeconds: 5 },
    volumeMounts: mounts,
  } as pulumi.Unwrap<kubernetes.types.input.core.v1.Container>;
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

import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** An API server that knows only its core group's name: enough for calls that never ask it about objects. */
export async function startStub(): Promise<{ kubeconfig: string; stop(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    const known = request.url?.startsWith("/api/v1");
    response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
    response.end(
      JSON.stringify(
        known ? { kind: "APIResourceList", resources: [] } : { kind: "Status", code: 404, reason: "NotFound", message: "not found" },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { kubeconfig: kubeconfigOf(`http://127.0.0.1:${port}`), stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A kubeconfig of one server. */
export function kubeconfigOf(server: string): string {
  return [
    "apiVersion: v1",
    "kind: Config",
    `clusters: [{name: k, cluster: {server: '${server}'}}]`,
    "users: [{name: u, user: {token: t}}]",
    "contexts: [{name: c, context: {cluster: k, user: u}}]",
    "current-context: c",
    "",
  ].join("\n");
}

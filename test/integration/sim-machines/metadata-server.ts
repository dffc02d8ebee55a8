import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** The smallest MAAS metadata service that cloud-init's MAAS data source is content with, for one machine. */
export interface MetadataServer {
  url: string;
  /** Paths in the order in which they were asked for, with the Authorization header. */
  requests: { path: string; authorization: string }[];
  /** Bodies that the webhook reporter posted. */
  reports: { event_type: string; name: string; result?: string }[];
  close(): Promise<void>;
}

/** @param userData what the machine gets as user data. */
export async function startMetadataServer(address: string, userData: string): Promise<MetadataServer> {
  const requests: MetadataServer["requests"] = [];
  const reports: MetadataServer["reports"] = [];
  const files: Record<string, string> = {
    "/MAAS/metadata/2012-03-01/meta-data/instance-id": "abc123",
    "/MAAS/metadata/2012-03-01/meta-data/local-hostname": "node-a",
    "/MAAS/metadata/2012-03-01/meta-data/public-keys": "",
    "/MAAS/metadata/2012-03-01/user-data": userData,
  };
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (data) => {
      body += data;
    });
    request.on("end", () => {
      const path = request.url ?? "";
      requests.push({ path, authorization: request.headers.authorization ?? "" });
      if (request.method === "POST") {
        reports.push(JSON.parse(body));
        response.end("OK");
      } else if (path in files) {
        response.end(files[path]);
      } else {
        response.writeHead(404).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}/MAAS/metadata/`,
    requests,
    reports,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

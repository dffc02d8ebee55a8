import { Answer, json } from "../http/answers";
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";

const capabilities = [
  "networks-management",
  "static-ipaddresses",
  "ipv6-deployment-ubuntu",
  "devices-management",
  "storage-deployment-ubuntu",
  "network-deployment-ubuntu",
  "bridging-interface-ubuntu",
  "bridging-automatic-ubuntu",
  "authenticate-api",
];

function version() {
  const answer = json({ capabilities, version: "3.7.3", subversion: "" });
  return new Answer(answer.status, answer.body, answer.contentType, { ...answer.headers, Vary: "Authorization" });
}

export const versionEndpoints: Endpoint<Context>[] = [{ path: "version/", operations: { GET: version }, anonymous: { GET: version } }];

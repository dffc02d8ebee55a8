import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as yaml from "js-yaml";
import { type WebSocket, WebSocketServer } from "ws";
import { issue } from "../taskserver/issuer";

/** What stands for an API server: answers by path, and takes port-forwards. */
export interface ClusterApi {
  /** A kubeconfig with this server's authority and a client certificate of its. */
  kubeconfig: string;
  requests: { method: string; url: string; subject: string; body: string }[];
  stop(): Promise<void>;
}

const encoded = (text: string) => Buffer.from(text).toString("base64");

/**
 * An HTTPS server on 127.0.0.1 that asks for a certificate of its own authority, as k3s's does.
 *
 * @param answer called for each request
 * @param forward called for each port-forward's WebSocket
 * @param signed false for a kubeconfig whose authority did not sign the server
 */
export async function startClusterApi(
  answer: (url: string, response: import("node:http").ServerResponse) => void,
  forward: (socket: WebSocket) => void = (socket) => socket.close(),
  signed = true,
): Promise<ClusterApi> {
  const request = (commonName: string) => ({ subject: { commonName, organization: "lab" }, validityPeriodHours: 1 });
  const ca = await issue("ECDSA", { ...request("ca"), allowedUses: ["cert_signing"], isCaCertificate: true });
  const other = await issue("ECDSA", { ...request("ca"), allowedUses: ["cert_signing"], isCaCertificate: true });
  const server = await issue(
    "ECDSA",
    { ...request("server"), allowedUses: ["digital_signature", "server_auth"], ipAddresses: ["127.0.0.1"] },
    ca,
  );
  const admin = await issue("ECDSA", { ...request("admin"), allowedUses: ["digital_signature", "client_auth"] }, ca);
  const requests: ClusterApi["requests"] = [];
  const listener = https.createServer(
    { cert: server.certificate, key: server.privateKey, ca: ca.certificate, requestCert: true, rejectUnauthorized: true },
    async (incoming, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) {
        chunks.push(chunk as Buffer);
      }
      const { CN } = (incoming.socket as import("node:tls").TLSSocket).getPeerCertificate().subject;
      const { method = "", url = "" } = incoming;
      requests.push({ method, url, subject: String(CN), body: Buffer.concat(chunks).toString() });
      answer(url, response);
    },
  );
  const sockets = new WebSocketServer({
    server: listener,
    handleProtocols: (offered) => offered.has("v4.channel.k8s.io") && "v4.channel.k8s.io",
  });
  sockets.on("connection", forward);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const kubeconfig = yaml.dump({
    clusters: [
      {
        name: "lab",
        cluster: {
          server: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
          "certificate-authority-data": encoded((signed ? ca : other).certificate),
        },
      },
    ],
    users: [
      { name: "admin", user: { "client-certificate-data": encoded(admin.certificate), "client-key-data": encoded(admin.privateKey) } },
    ],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "admin" } }],
    "current-context": "lab",
  });
  const stop = async () => {
    for (const socket of sockets.clients) {
      socket.terminate();
    }
    sockets.close();
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  };
  return { kubeconfig, requests, stop };
}

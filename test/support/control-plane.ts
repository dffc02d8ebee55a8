// A bare Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback, free ports,
// a folder of its own. No nodes: pods stay pending, everything else is real.
import type { ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as https from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { ensureRootFileSystem } from "../../rig/machines/root-file-system";
import { ensureK3s } from "../../rig/stand-ins/k3s";
import { spawnMortal } from "./mortal";

export interface ControlPlane {
  /** Text of an administrator's kubeconfig. */
  kubeconfig: string;
  /** The executable that is `kubectl` as its first argument. */
  kubectl: string;
  /** Asks the API server directly, past the plugin. */
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<any>;
  stop(): Promise<void>;
}

/** Programs of the embedded lab's own: Kubernetes in one executable, and Debian's etcd. Made first when they are not in the cache. */
async function programs(): Promise<{ kubernetes: string; etcd: string }> {
  const { directory } = await ensureK3s(() => undefined);
  const root = await ensureRootFileSystem(() => undefined);
  return { kubernetes: path.join(directory, "k3s"), etcd: path.join(root, "usr/bin/etcd") };
}

/** Starts the control plane and waits until it is ready. */
export async function startControlPlane(): Promise<ControlPlane> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), "control-plane-"));
  const children: ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.reverse()) {
      await ended(child);
    }
    await fs.rm(directory, { recursive: true, force: true });
  };
  try {
    return await start(directory, children, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(directory: string, children: ChildProcess[], stop: () => Promise<void>): Promise<ControlPlane> {
  const binaries = await programs();
  const [client, peer, secure] = await freePorts(3);
  const token = randomBytes(16).toString("hex");
  const file = (name: string) => path.join(directory, name);
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await fs.writeFile(file("sa.key"), keys.privateKey, { mode: 0o600 });
  await fs.writeFile(file("sa.pub"), keys.publicKey);
  await fs.writeFile(file("tokens.csv"), `${token},admin,admin,system:masters\n`, { mode: 0o600 });

  const run = (program: string, binary: string, args: string[]) => {
    const log = file(`${program}.log`);
    const child = spawnMortal("/bin/sh", ["-c", 'exec "$0" "$@" >>"$LOG" 2>&1', binary, ...args], {
      env: { ...process.env, LOG: log },
      stdio: "ignore",
    });
    children.push(child);
  };
  const kubernetes = async (program: string) => {
    await fs.symlink(binaries.kubernetes, file(program));
    return file(program);
  };
  const etcd = `http://127.0.0.1:${client}`;
  run("etcd", binaries.etcd, [
    `--data-dir=${file("etcd")}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
  ]);
  run("kube-apiserver", await kubernetes("kube-apiserver"), [
    `--etcd-servers=${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${secure}`,
    `--cert-dir=${file("certs")}`,
    "--service-cluster-ip-range=10.43.0.0/16",
    "--authorization-mode=RBAC",
    `--token-auth-file=${file("tokens.csv")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${file("sa.pub")}`,
    `--service-account-signing-key-file=${file("sa.key")}`,
    "--endpoint-reconciler-type=none",
  ]);
  const server = `https://127.0.0.1:${secure}`;
  const kubeconfig = (trust: string) =>
    [
      "apiVersion: v1",
      "kind: Config",
      `clusters: [{name: test, cluster: {server: "${server}", ${trust}}}]`,
      `users: [{name: admin, user: {token: "${token}"}}]`,
      "contexts: [{name: test, context: {cluster: test, user: admin}}]",
      "current-context: test",
      "",
    ].join("\n");
  await fs.writeFile(file("controller.kubeconfig"), kubeconfig("insecure-skip-tls-verify: true"), { mode: 0o600 });
  const request = asker(server, token);
  await until(async () => (await request("GET", "/readyz")) === "ok", children, directory);
  // The controllers give up when the roles of the system are not there yet.
  run("kube-controller-manager", await kubernetes("kube-controller-manager"), [
    `--kubeconfig=${file("controller.kubeconfig")}`,
    `--authentication-kubeconfig=${file("controller.kubeconfig")}`,
    `--authorization-kubeconfig=${file("controller.kubeconfig")}`,
    "--bind-address=127.0.0.1",
    "--secure-port=0",
    "--leader-elect=false",
    `--service-account-private-key-file=${file("sa.key")}`,
    "--use-service-account-credentials=true",
    "--pvclaimbinder-sync-period=1s",
  ]);
  await until(
    async () => (await request("GET", "/api/v1/namespaces/default/serviceaccounts/default"))?.kind === "ServiceAccount",
    children,
    directory,
  );
  const ca = await fs.readFile(file("certs/apiserver.crt"));
  return {
    kubeconfig: kubeconfig(`certificate-authority-data: ${ca.toString("base64")}`),
    kubectl: binaries.kubernetes,
    request,
    stop,
  };
}

function asker(server: string, token: string): ControlPlane["request"] {
  return (method, target, body, contentType = "application/json") =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": contentType };
      const request = https.request(`${server}${target}`, { method, headers, rejectUnauthorized: false }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) {
          chunks.push(chunk as Buffer);
        }
        const text = Buffer.concat(chunks).toString();
        resolve(text.startsWith("{") ? JSON.parse(text) : text);
      });
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

async function until(holds: () => Promise<boolean>, children: readonly ChildProcess[], directory: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await holds().catch(() => false)) {
      return;
    }
    const dead = children.find((child) => child.exitCode !== null);
    if (dead) {
      const logs = await fs.readdir(directory);
      const tails = await Promise.all(
        logs
          .filter((name) => name.endsWith(".log"))
          .map(async (name) => `${name}: ${(await fs.readFile(path.join(directory, name), "utf8")).slice(-2000)}`),
      );
      throw new Error(`a part of the control plane has ended: ${dead.spawnargs.join(" ")}\n${tails.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the control plane did not become ready");
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

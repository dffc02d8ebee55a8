import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { startPackageProxy } from "../../../rig/machines/package-proxy";

const listening = (server: http.Server, port = 0) =>
  new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

/** A server on a port that apt-cacher-ng could have: below those that the kernel hands out. */
async function lowPort(server: http.Server): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const found = await listening(server, port).catch(() => undefined);
    if (found !== undefined) {
      return found;
    }
  }
}

/** A path as apt asks for it, by a proxy. */
function get(proxy: string, url: string): Promise<{ status?: number; body: string }> {
  const { hostname, port } = new URL(proxy);
  return new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path: url, headers: { host: new URL(url).host } }, (response) => {
      let body = "";
      response.on("data", (data) => (body += data));
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    request.on("error", reject);
  });
}

test("fetches a package once for all machines, and nothing that is no package", async () => {
  const asked: string[] = [];
  const archive = http.createServer((request, response) => {
    asked.push(request.url ?? "");
    response
      .writeHead(200, { "content-type": "application/octet-stream", "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" })
      .end("a package");
  });
  const origin = `http://127.0.0.1:${await lowPort(archive)}/debian`;
  const taken = http.createServer();
  const port = await lowPort(taken);
  await new Promise((resolve) => taken.close(resolve));
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-package-proxy-"));
  const proxy = await startPackageProxy({ address: "127.0.0.1", port, cache, settings: ["AllowUserPorts: 0"] });
  try {
    for (const _machine of ["node1", "node2"]) {
      expect(await get(proxy.url, `${origin}/pool/main/t/tree/tree_2.1.0-1_amd64.deb`)).toEqual({ status: 200, body: "a package" });
    }
    expect(asked).toEqual(["/debian/pool/main/t/tree/tree_2.1.0-1_amd64.deb"]);
    expect((await get(proxy.url, `${origin}/secret.txt`)).status).toBe(403);
    expect(asked).toHaveLength(1);
  } finally {
    await proxy.close();
    archive.close();
    fs.rmSync(cache, { recursive: true });
  }
  await expect(get(proxy.url, `${origin}/pool/x.deb`)).rejects.toThrow("ECONNREFUSED");
});

test("says where its log is when it cannot listen", async () => {
  const taken = http.createServer((_request, response) => response.end());
  const port = await lowPort(taken);
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-package-proxy-"));
  try {
    await expect(startPackageProxy({ address: "127.0.0.1", port, cache })).rejects.toThrow(`its log is in ${cache}`);
  } finally {
    taken.close();
    fs.rmSync(cache, { recursive: true });
  }
});

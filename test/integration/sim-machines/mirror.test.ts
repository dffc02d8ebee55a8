import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createMirror, parseRange } from "../../../rig/mirror/mirror";

const release = Buffer.from("0123456789");
let folder: string;
let server: Server;
let base: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), "mirror-"));
  await fs.mkdir(path.join(folder, "release"));
  await fs.mkdir(path.join(folder, "images"));
  await fs.writeFile(path.join(folder, "release", "k3s"), release);
  await fs.writeFile(path.join(folder, "images", "pause.tar"), "");
  await fs.writeFile(path.join(folder, "install.sh"), "#!/bin/sh\n");
  await fs.writeFile(path.join(folder, "secret"), "not published");
  server = createMirror(async () => [
    { at: "/k3s/v1.34.1+k3s1/", folder: path.join(folder, "release") },
    { at: "/k3s/v1.34.1+k3s2/", folder: async () => path.join(folder, "release") },
    { at: "/images/", folder: path.join(folder, "images") },
    { at: "/install.sh", file: path.join(folder, "install.sh") },
  ]);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await fs.rm(folder, { recursive: true });
});

describe("the artefact mirror", () => {
  test.each(["/k3s/v1.34.1+k3s1/k3s", "/k3s/v1.34.1%2Bk3s1/k3s", "/k3s/v1.34.1+k3s2/k3s"])("sends %s", async (url) => {
    const response = await fetch(base + url);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("10");
    expect(Buffer.from(await response.arrayBuffer())).toEqual(release);
  });

  test("says size and tag without the content on HEAD", async () => {
    const response = await fetch(`${base}/k3s/v1.34.1+k3s1/k3s`, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe("10");
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(await response.text()).toBe("");
  });

  test("sends the rest of an interrupted download", async () => {
    const response = await fetch(`${base}/k3s/v1.34.1+k3s1/k3s`, { headers: { range: "bytes=7-" } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe("bytes 7-9/10");
    expect(await response.text()).toBe("789");
  });

  test("sends the whole file when it has changed since the first part", async () => {
    const response = await fetch(`${base}/k3s/v1.34.1+k3s1/k3s`, { headers: { range: "bytes=7-", "if-range": '"old"' } });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("0123456789");
  });

  test("refuses a range beyond the end", async () => {
    const response = await fetch(`${base}/k3s/v1.34.1+k3s1/k3s`, { headers: { range: "bytes=10-" } });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe("bytes */10");
  });

  test("sends a file that is published by itself", async () => {
    expect(await (await fetch(`${base}/install.sh`)).text()).toBe("#!/bin/sh\n");
  });

  test("asks again for what it offers when that could not be said", async () => {
    let calls = 0;
    const other = createMirror(async () => {
      calls++;
      if (calls === 1) {
        throw new Error("still being built");
      }
      return [{ at: "/install.sh", file: path.join(folder, "install.sh") }];
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/install.sh`;
    const first = await fetch(url);
    expect([first.status, await first.text()]).toEqual([500, "still being built\n"]);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url)).status).toBe(200);
    expect(calls).toBe(2);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  test("sends an empty file", async () => {
    const response = await fetch(`${base}/images/pause.tar`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  test("has the checksums that sha256sum would print, of the file as it is now", async () => {
    const url = `${base}/k3s/v1.34.1+k3s1/sha256sum-amd64.txt`;
    const line = (content: Buffer) => `${createHash("sha256").update(content).digest("hex")}  k3s\n`;
    expect(await (await fetch(url)).text()).toBe(line(release));
    const changed = Buffer.from("0123456789abc");
    await fs.writeFile(path.join(folder, "release", "k3s"), changed);
    expect(await (await fetch(url)).text()).toBe(line(changed));
    await fs.writeFile(path.join(folder, "release", "k3s"), release);
  });

  test("lists what it has", async () => {
    expect(await (await fetch(`${base}/`)).text()).toBe("/images/pause.tar\n/install.sh\n/k3s/v1.34.1+k3s1/k3s\n/k3s/v1.34.1+k3s2/\n");
  });

  test.each([
    ["/nothing", 404],
    ["/install.sh/", 404],
    ["/images/", 404],
    ["/images/%2e%2e/secret", 404],
    ["/images/..%2fsecret", 400],
    ["/images/%zz", 400],
  ])("does not send %s (%d)", async (url, status) => {
    const response = await fetch(base + url);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("not published");
  });

  test("cannot be written", async () => {
    const response = await fetch(`${base}/images/pause.tar`, { method: "PUT", body: "x" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });
});

describe("a byte range", () => {
  test.each([
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=5-100", { start: 5, end: 9 }],
    ["bytes=-3", { start: 7, end: 9 }],
    ["bytes=-30", { start: 0, end: 9 }],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=3-1", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,4-5", undefined],
    ["lines=0-1", undefined],
    [undefined, undefined],
  ])("%s of ten bytes", (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});

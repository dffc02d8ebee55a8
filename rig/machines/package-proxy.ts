import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as http from "node:http";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import versions from "../../versions.json";
import { cached } from "../stand-ins/cache";
import { run } from "./commands";

/** MAAS's region is a proxy for its machines' packages on this port: they have no other way out of the lab. */
const PACKAGE_PROXY_PORT = 8000;

/** A running proxy. */
interface PackageProxy {
  /** For apt's `Acquire::http::Proxy`. */
  url: string;
  close(): Promise<void>;
}

interface PackageProxyOptions {
  address: string;
  /** Below 32768: apt-cacher-ng knows no others. */
  port?: number;
  /** Folder for what it has fetched, made when missing. */
  cache: string;
  /** Lines of acng.conf beside its own. */
  settings?: readonly string[];
}

/** The proxy, and the libraries that a computer may not have. */
const packages = ["apt-cacher-ng", "libevent-2.1-7", "libevent-pthreads-2.1-7", "libfuse2", "libwrap0", "libc-ares2"];

/** Unpacked and not installed: no service of it starts on this computer. Needs lists of packages (`apt-get update`). */
function ensureProgram(): Promise<string> {
  return cached("package-proxy", [versions.debian.release, process.arch, packages.join(",")], async (directory) => {
    const download = path.join(directory, "download");
    await fs.mkdir(download);
    const quick = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "-o", "APT::Sandbox::User=root"];
    await run("sh", ["-c", 'cd "$1"; shift; exec apt-get download "$@"', "sh", download, ...quick, ...packages]);
    for (const file of await fs.readdir(download)) {
      await run("dpkg", ["-x", path.join(download, file), directory]);
    }
    await fs.rm(download, { recursive: true });
  });
}

/** Starts Debian's apt-cacher-ng, without root's capabilities; it ends with this process. Throws when it cannot be had or does not listen. */
export async function startPackageProxy(options: PackageProxyOptions): Promise<PackageProxy> {
  const { address, port = PACKAGE_PROXY_PORT, cache, settings = [] } = options;
  const program = await ensureProgram();
  const folders = { conf: path.join(cache, "conf"), packages: path.join(cache, "packages"), log: path.join(cache, "log") };
  for (const folder of Object.values(folders)) {
    await fs.mkdir(folder, { recursive: true });
  }
  const lines = [
    `CacheDir: ${folders.packages}`,
    `LogDir: ${folders.log}`,
    `Port: ${port}`,
    `BindAddress: ${address}`,
    "ForeGround: 1",
    // No page for administrators, and no tunnel to anywhere.
    "ReportPage:",
    "PassThroughPattern: ^$",
    ...settings,
  ];
  await fs.writeFile(path.join(folders.conf, "acng.conf"), `${lines.join("\n")}\n`);
  const libraries = (await fs.readdir(path.join(program, "usr/lib"))).map((name) => path.join(program, "usr/lib", name));
  const child = spawn(
    "setpriv",
    [
      ...["--bounding-set", "-all", "--no-new-privs", "--pdeathsig", "TERM", "--"],
      ...[path.join(program, "usr/sbin/apt-cacher-ng"), "-c", folders.conf],
    ],
    { stdio: "ignore", env: { PATH: process.env.PATH, LD_LIBRARY_PATH: [...libraries, path.join(program, "lib")].join(":") } },
  );
  const close = () => ended(child);
  if (!(await listens(child, address, port))) {
    await close();
    throw new Error(`apt-cacher-ng does not listen at ${address}:${port}; its log is in ${folders.log}`);
  }
  return { url: `http://${address}:${port}`, close };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const end = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    await end;
  }
}

/** Whether it answers there within ten seconds. Another server that has the port does not count. */
async function listens(child: ChildProcess, host: string, port: number): Promise<boolean> {
  let failed = false;
  child.once("error", () => {
    failed = true;
  });
  for (let turn = 0; turn < 50 && !failed && child.exitCode === null && child.signalCode === null; turn++) {
    await sleep(200);
    if (await answers(host, port)) {
      return true;
    }
  }
  return false;
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ host, port, path: "/", timeout: 1000, agent: false }, (response) => {
      let body = "";
      response.on("data", (data) => {
        body += data;
      });
      // Without its pages for administrators, which are not unpacked, that is what it says of itself.
      response.on("end", () => resolve(/APT configuration|Apt-Cacher/i.test(body)));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";

const script = path.resolve(__dirname, "../../../rig/stand-ins/k3s/install.sh");
const version = "v1.34.1+k3s1";

let folder: string;
let server: http.Server;
let release: Record<string, string>;

interface Run {
  code: number | null;
  output: string;
}

/** Runs a program to its end; the event loop goes on serving the mirror meanwhile. */
function run(command: string, args: string[], environment: NodeJS.ProcessEnv): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}

function install(environment: Record<string, string>, args: string[] = []): Promise<Run> {
  const { port } = server.address() as AddressInfo;
  return run("sh", [script, ...args], {
    PATH: `${folder}/tools:/usr/sbin:/usr/bin:/sbin:/bin`,
    INSTALL_K3S_VERSION: version,
    INSTALL_K3S_MIRROR_URL: `http://127.0.0.1:${port}/k3s`,
    INSTALL_K3S_BIN_DIR: `${folder}/bin`,
    INSTALL_K3S_SYSTEMD_DIR: `${folder}/units`,
    ...environment,
  });
}

const calls = () => fs.readFile(`${folder}/calls`, "utf8").catch(() => "");
const unit = (name = "k3s") => fs.readFile(`${folder}/units/${name}.service`, "utf8");
const sums = (text: string) => `${createHash("sha256").update(text).digest("hex")}  k3s\n`;

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), "k3s-install-"));
  await fs.mkdir(`${folder}/tools`);
  // A systemd that has every unit running once it was started, except Debian's etcd.
  const systemctl = `#!/bin/sh\necho "$*" >> "${folder}/calls"\ncase "$*" in\n"is-active --quiet etcd.service") exit 3 ;;\n"is-active"*) grep -q "^restart" "${folder}/calls" ;;\nesac\n`;
  await fs.writeFile(`${folder}/tools/systemctl`, systemctl, { mode: 0o755 });
  await fs.writeFile(`${folder}/tools/id`, "#!/bin/sh\necho 0\n", { mode: 0o755 });
  const binary = "#!/bin/sh\necho this is k3s\n";
  release = { k3s: binary, "sha256sum-amd64.txt": sums(binary) };
  server = http.createServer((request, response) => {
    const content = release[(request.url ?? "").replace(`/k3s/${version}/`, "")];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await fs.rm(folder, { recursive: true, force: true });
});

describe("the stand-in's install script", () => {
  it("installs a server: program, links, unit, scripts, and starts it", async () => {
    const done = await install({ INSTALL_K3S_EXEC: "server --cluster-init --tls-san lab.example" });
    expect(done.output).toContain("systemd: Starting k3s");
    expect(done.code).toBe(0);
    expect(await unit()).toContain(`ExecStart=${folder}/bin/k3s server '--cluster-init' '--tls-san' 'lab.example'\n`);
    expect(await unit()).toMatch(/^Type=notify$/m);
    expect(await fs.readlink(`${folder}/bin/kubectl`).catch(() => "elsewhere on PATH")).toMatch(/^(k3s|elsewhere on PATH)$/);
    expect((await fs.readdir(`${folder}/bin`)).filter((name) => name.endsWith(".sh")).sort()).toEqual([
      "k3s-killall.sh",
      "k3s-uninstall.sh",
    ]);
    expect(await calls()).toContain("restart k3s\n");
  });

  it("installs an agent when K3S_URL is set, secrets in the environment file only", async () => {
    const done = await install({ K3S_URL: "https://192.168.200.11:6443", K3S_TOKEN: 'a"b\\c d' });
    expect(done.code).toBe(0);
    const file = `${folder}/units/k3s-agent.service.env`;
    expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    expect((await fs.readFile(file, "utf8")).split("\n").sort()).toEqual(
      ["", 'K3S_TOKEN="a\\"b\\\\c d"', 'K3S_URL="https://192.168.200.11:6443"'].sort(),
    );
    expect(await unit("k3s-agent")).not.toContain('a"b');
    expect(await unit("k3s-agent")).toMatch(/^Type=exec$/m);
    expect(done.output).not.toContain('a"b');
  });

  it("changes nothing when it is run again, and restarts when it is told to or something has changed", async () => {
    await install({});
    const restarts = async () => (await calls()).match(/^restart k3s$/gm)?.length;
    expect((await install({})).output).toContain("No change detected so skipping service start");
    expect(await restarts()).toBe(1);
    await install({ INSTALL_K3S_FORCE_RESTART: "true" });
    expect(await restarts()).toBe(2);
    await install({ INSTALL_K3S_EXEC: "server --debug" });
    expect(await restarts()).toBe(3);
  });

  it("installs and does not start, or not even enable, when asked", async () => {
    await install({ INSTALL_K3S_SKIP_START: "true" });
    expect(await calls()).toContain("enable ");
    expect(await calls()).not.toContain("restart");
    await fs.rm(`${folder}/calls`);
    await install({ INSTALL_K3S_SKIP_ENABLE: "true", INSTALL_K3S_NAME: "second", INSTALL_K3S_TYPE: "simple" });
    expect(await calls()).not.toContain("enable ");
    expect(await unit("k3s-second")).toMatch(/^Type=simple$/m);
  });

  it("does not put a download in place that has another checksum", async () => {
    release["sha256sum-amd64.txt"] = sums("something else");
    const done = await install({});
    expect(done.output).toContain("Download sha256 does not match");
    expect(done.code).toBe(1);
    await expect(fs.stat(`${folder}/bin/k3s`)).rejects.toThrow("ENOENT");
  });

  it.each([
    ["a channel", { INSTALL_K3S_CHANNEL: "stable" }, "set INSTALL_K3S_VERSION"],
    ["an unknown command", { INSTALL_K3S_EXEC: "serve" }, "must be server, agent or a setting"],
    ["plain HTTP", { K3S_URL: "http://192.168.200.11:6443", K3S_TOKEN: "x" }, "Only https:// URLs are supported"],
    ["a program that is not there", { INSTALL_K3S_SKIP_DOWNLOAD: "true" }, "Executable k3s binary not found"],
    ["a version that the mirror lacks", { INSTALL_K3S_VERSION: "v1.99.0+k3s1" }, "Download failed"],
  ])("refuses %s", async (_name, environment, message) => {
    const done = await install(environment);
    expect(done.output).toContain(message);
    expect(done.code).toBe(1);
    expect(await calls()).not.toContain("restart");
  });

  it("uninstalls what it installed", async () => {
    await install({ INSTALL_K3S_SKIP_START: "true" });
    const text = await fs.readFile(`${folder}/bin/k3s-uninstall.sh`, "utf8");
    // The scripts work on this computer's own folders: only what they would remove is looked at here.
    for (const file of [`${folder}/units/k3s.service`, `${folder}/units/k3s.service.env`, `${folder}/bin/k3s`, "/var/lib/rancher/k3s"]) {
      expect(text).toContain(file);
    }
  });

  const shellcheck = (process.env.PATH ?? "").split(":").map((directory) => path.join(directory, "shellcheck"));
  it("and the scripts it writes pass shellcheck, where that is installed", async () => {
    const found = await Promise.all(
      shellcheck.map((file) =>
        fs.access(file).then(
          () => file,
          () => undefined,
        ),
      ),
    );
    const program = found.find(Boolean);
    if (!program) {
      return;
    }
    await install({ INSTALL_K3S_SKIP_START: "true" });
    const written = ["k3s-killall.sh", "k3s-uninstall.sh"].map((name) => `${folder}/bin/${name}`);
    expect(await run(program, [script, ...written], process.env)).toEqual({ code: 0, output: "" });
  });
});

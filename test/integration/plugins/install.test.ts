import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { engineOnPath, hasLanguageHost, supported } from "../../../rig/stand-ins/engine/found";
import { installPlugins } from "../../../rig/stand-ins/plugins/install";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import versions from "../../../versions.json";

let directory: string;
beforeEach(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "install-")));
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

function script(file: string, text: string): string {
  const full = path.join(directory, file);
  fs.mkdirSync(path.dirname(full), { recursive: true });
  fs.writeFileSync(full, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return full;
}

/** Those that have a stand-in; Kubernetes's is built from its module. */
const names = ["command", "random", "tls"] as const;
const executableOf = (home: string, name: string) => {
  const version = (versions.pulumi.plugins as Record<string, string>)[name];
  return path.join(home, "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`);
};

describe("plugins", () => {
  it("are stand-ins under the SDKs' exact versions where the vendor cannot be reached", async () => {
    const home = path.join(directory, "home");
    const offline = { vendorReachable: false, engine: "/none/pulumi", names };
    const installed = await installPlugins(home, offline);
    expect(installed.map(({ name, version, source }) => [name, version, source])).toEqual(
      names.map((name) => [name, versions.pulumi.plugins[name], "stand-in"]),
    );
    for (const name of names) {
      expect(fs.statSync(executableOf(home, name)).mode & 0o777).toBe(0o755);
    }
    // The second time nothing is written.
    const before = names.map((name) => fs.statSync(executableOf(home, name)).mtimeMs);
    await installPlugins(home, offline);
    expect(names.map((name) => fs.statSync(executableOf(home, name)).mtimeMs)).toEqual(before);
  }, 120_000);

  it("are the official ones where the vendor can be reached, also in place of stand-ins", async () => {
    const home = path.join(directory, "home");
    await installPlugins(home, { vendorReachable: false, engine: "/none/pulumi", names });
    // Does what `pulumi plugin install resource NAME VERSION` does.
    const engine = script(
      "pulumi",
      'd="$PULUMI_HOME/plugins/resource-$4-$5"; rm -rf "$d"; mkdir -p "$d"; echo official > "$d/pulumi-resource-$4"',
    );
    const installed = await installPlugins(home, { vendorReachable: true, engine, names });
    expect(installed.map(({ source }) => source)).toEqual(names.map(() => "official"));
    expect(names.map((name) => fs.readFileSync(executableOf(home, name), "utf8"))).toEqual(names.map(() => "official\n"));
    // Once there, they stay, network or not.
    const later = await installPlugins(home, { vendorReachable: false, engine: "/none/pulumi", names });
    expect(later.map(({ source }) => source)).toEqual(names.map(() => "official"));
  }, 120_000);

  it("are stand-ins where the download fails after all", async () => {
    const installed = await installPlugins(path.join(directory, "home"), {
      vendorReachable: true,
      engine: script("pulumi", "exit 255"),
      names,
    });
    expect(installed.map(({ source }) => source)).toEqual(names.map(() => "stand-in"));
  }, 120_000);

  it("are built from the vendor's module where it is served, and give way to the vendor's download", async () => {
    const home = path.join(directory, "home");
    const [built] = await installPlugins(home, { vendorReachable: false, engine: "/none/pulumi", names: ["kubernetes"] });
    expect(built).toMatchObject({
      source: "built",
      origin: expect.stringMatching(/^github\.com\/pulumi\/pulumi-kubernetes\/provider\/v4 v4\./),
    });
    const { ino, size } = fs.statSync(executableOf(home, "kubernetes"));
    expect(size).toBeGreaterThan(50e6);
    await installPlugins(home, { vendorReachable: false, engine: "/none/pulumi", names: ["kubernetes"] });
    expect(fs.statSync(executableOf(home, "kubernetes")).ino).toBe(ino);
    const engine = script(
      "pulumi",
      'd="$PULUMI_HOME/plugins/resource-$4-$5"; rm -rf "$d"; mkdir -p "$d"; echo official > "$d/pulumi-resource-$4"',
    );
    const [official] = await installPlugins(home, { vendorReachable: true, engine, names: ["kubernetes"] });
    expect(official.source).toBe("official");
    expect(fs.readFileSync(executableOf(home, "kubernetes"), "utf8")).toBe("official\n");
  }, 1_200_000);
});

describe("the engine on PATH", () => {
  const search = (...folders: string[]) => folders.map((folder) => path.join(directory, folder)).join(path.delimiter);

  it("is used from version 3.200 on, and not from 4", () => {
    const versionsTried = [
      [3, 199, 9],
      [3, 200, 0],
      [3, 250, 1],
      [4, 0, 0],
      [2, 999, 0],
    ];
    expect(versionsTried.map(supported)).toEqual([false, true, true, false, false]);
    expect(supported(undefined)).toBe(false);
  });

  it("is the first that is new enough and not this project's own", async () => {
    script("old/pulumi", "echo v3.100.0");
    script("broken/pulumi", "exit 1");
    script("checkout/.lab/bin/pulumi", "echo v3.300.0");
    const good = script("good/pulumi", "echo v3.210.1");
    script("later/pulumi", "echo v3.250.0");
    const found = await engineOnPath(
      path.join(directory, "checkout"),
      search("old", "none", "broken", "checkout/.lab/bin", "good", "later"),
    );
    expect(found).toEqual({ file: good, version: "3.210.1" });
    expect(await engineOnPath(path.join(directory, "checkout"), search("old", "checkout/.lab/bin"))).toBeUndefined();
  });

  it("has a language host beside it, or on PATH, or none", async () => {
    const engine = script("a/pulumi", "");
    expect(await hasLanguageHost(engine, search("b"))).toBe(false);
    script("b/pulumi-language-nodejs", "");
    expect(await hasLanguageHost(engine, search("b"))).toBe(true);
    script("a/pulumi-language-nodejs", "");
    expect(await hasLanguageHost(engine, search())).toBe(true);
  });
});

describe("the vendor", () => {
  const listening = (server: net.Server) =>
    new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)));

  it("is reachable when something listens, and not when nothing does or its name is unknown", async () => {
    const server = net.createServer();
    const port = await listening(server);
    expect(await vendorReachable(10_000, "127.0.0.1", port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await vendorReachable(10_000, "127.0.0.1", port)).toBe(false);
    expect(await vendorReachable(10_000, "no.such.invalid", 443)).toBe(false);
  });
});

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { root } from "./lab";
import { RegionHost } from "./region-host";

/** `components/maas/scripts/region.sh` on a computer that answers as snapd and MAAS do. */
let host: RegionHost;
beforeEach(() => {
  host = new RegionHost();
});
afterEach(() => host.remove());

const wanted = {
  channel: "3.7/stable",
  url: "http://192.168.200.1:5240/MAAS",
  username: "admin",
  email: "admin@example.org",
  tls_port: "5443",
};
const password = "correct horse 'battery' staple";
const key = '{"apiKey":"consumer:token:secret"}\n';
/** Those that change something. */
const changes = (calls: string[]) => calls.filter((call) => !/^(snap list|maas (config --|apikey))/.test(call));

test("installs once, changes nothing the second time, and shows no secret", async () => {
  const first = await host.install(wanted, { password });
  expect(first).toMatchObject({ code: 0, stdout: key });
  expect(changes(host.calls())).toEqual([
    "snap install maas --channel=3.7/stable",
    "snap install maas-test-db --channel=3.7/stable",
    "maas init region+rack --maas-url http://192.168.200.1:5240/MAAS --database-uri maas-test-db:///",
    "maas createadmin --username admin --email admin@example.org",
  ]);
  expect(host.read("/var/snap/maas/common/password-admin")).toBe(`${password}\n`);
  expect(first.stderr).not.toContain("battery");
  expect(await host.install(wanted, { password: "another" })).toEqual({ code: 0, stdout: key, stderr: "" });
  expect(changes(host.calls())).toEqual([]);
});

test("waits for an installation that is at work still, as one is whose other end was killed, and ends as if alone", async () => {
  fs.writeFileSync(host.at("/var/lib/slow-init"), "");
  const first = host.install(wanted, { password });
  while (!fs.existsSync(host.at("/var/lib/init-runs"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const goOn = () => fs.rmSync(host.at("/var/lib/slow-init"), { force: true });
  const second = host.install(wanted, { password: "another" }, goOn);
  expect(await first).toMatchObject({ code: 0, stdout: key });
  expect(await second).toMatchObject({
    code: 0,
    stdout: key,
    stderr: expect.stringMatching(/^an earlier installation is still at work on .*\n$/),
  });
  expect(changes(host.calls()).filter((call) => /init|createadmin/.test(call))).toHaveLength(2);
  expect(host.read("/var/snap/maas/common/password-admin")).toBe(`${password}\n`);
});

test("changes nothing where the connection is cut off before the password is there", async () => {
  expect(await host.install(wanted, {})).toEqual({
    code: 1,
    stdout: "",
    stderr: "error: not all secrets have arrived: the connection was cut off. Nothing was changed; run it again\n",
  });
  expect(host.calls()).toEqual([]);
});

test("keeps the database's password out of the process list", async () => {
  const database = "postgres://maas:hush@db.example.org/maas";
  const { code, stderr } = await host.install(wanted, { password, database });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining("hush") });
  const calls = host.calls();
  expect(calls.join("\n")).not.toMatch(/hush|test-db:/);
  expect(calls).not.toContain("snap install maas-test-db --channel=3.7/stable");
  expect(host.read("/var/snap/maas/common/database")).toBe(`${database}\n`);
});

test("upgrades when the channel changes, and never goes back", async () => {
  await host.install({ ...wanted, channel: "3.6/stable" }, { password });
  host.calls();
  expect(await host.install(wanted, { password })).toMatchObject({ code: 0, stderr: "upgrading MAAS from 3.6/stable to 3.7/stable\n" });
  expect(changes(host.calls())).toEqual(["snap refresh maas --channel=3.7/stable"]);
  const back = await host.install({ ...wanted, channel: "3.6/stable" }, { password });
  expect(back).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/cannot be downgraded.*homelab:maas.install.channel to 3.7/),
  });
  expect(changes(host.calls())).toEqual([]);
});

test("goes on where it was killed", async () => {
  fs.writeFileSync(host.at("/var/lib/die-in-init"), "");
  expect((await host.install(wanted, { password })).code).not.toBe(0);
  fs.rmSync(host.at("/var/lib/die-in-init"));
  host.calls();
  expect(await host.install(wanted, { password })).toMatchObject({ code: 0, stdout: key });
  expect(changes(host.calls())[0]).toMatch(/^maas init region\+rack --force /);
});

test("refuses a computer that is only a rack", async () => {
  fs.mkdirSync(host.at("/var/snap/maas/common"), { recursive: true });
  fs.writeFileSync(host.at("/var/snap/maas/common/snap_mode"), "rack\n");
  expect(await host.install(wanted, { password })).toMatchObject({ code: 1, stderr: expect.stringContaining("as rack only") });
});

test("gives MAAS its certificate once, anew when it changes, and takes it back", async () => {
  const tls = { password, certificate: "CERTIFICATE\n", key: "PRIVATE\n", authority: "AUTHORITY\n" };
  await host.install(wanted, tls);
  expect([host.read("/var/snap/maas/common/tls"), host.read("/var/snap/maas/common/authority")]).toEqual([
    "PRIVATE\nCERTIFICATE\n",
    "AUTHORITY\n",
  ]);
  expect(fs.existsSync(host.at("/var/snap/maas/common/homelab"))).toBe(false);
  host.calls();
  await host.install(wanted, tls);
  expect(changes(host.calls())).toEqual([]);
  await host.install(wanted, { ...tls, certificate: "RENEWED\n" });
  expect(host.read("/var/snap/maas/common/tls")).toBe("PRIVATE\nRENEWED\n");
  expect(await host.install(wanted, { password })).toMatchObject({ code: 0, stderr: "switching TLS off\n" });
  expect(fs.existsSync(host.at("/var/snap/maas/common/tls"))).toBe(false);
});

test("passes shellcheck", () => {
  const { error, stdout } = spawnSync("shellcheck", [path.join(root, "components/maas/scripts/region.sh")], { encoding: "utf8" });
  expect([error, stdout]).toEqual([undefined, ""]);
});

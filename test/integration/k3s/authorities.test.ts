import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { filesOnStdin } from "../../../components/k3s/scripts";
import { Sandbox } from "./sandbox";

const version = "v1.34.1+k3s1";
const names = ["client", "server", "request-header", "etcd/peer", "etcd/server"];
const TLS = "/var/lib/rancher/k3s/server/tls";
const STAGED = "/var/lib/rancher/k3s/server/rotate-ca";
const DATASTORE = "/var/lib/homelab/datastore";

/** `rotate-ca` puts what is staged into the datastore; a start takes it from there, as k3s does. */
const K3S = `#!/bin/sh
case "$1 $2" in
"--version "*) echo "k3s version ${version} (00000000)" ;;
"kubectl "*) echo "True ${version}" ;;
"certificate rotate-ca")
  echo "$*" >>/var/lib/homelab/k3s.log
  [ ! -e /var/lib/homelab/refuses ] || exit 1
  rm -rf ${DATASTORE}
  cp -r "$4/tls" ${DATASTORE}
  [ ! -e /var/lib/homelab/killed-after-rotate-ca ] || kill -9 $PPID
  ;;
esac
`;

const SYSTEMCTL = `
echo "$*" >>/var/lib/homelab/systemctl.log
case "$1" in
is-active) [ -e /var/lib/homelab/active ] ;;
is-failed) false ;;
show) echo 0 ;;
restart)
  touch /var/lib/homelab/active
  [ ! -d ${DATASTORE} ] || for to in ${TLS} /var/lib/rancher/k3s/agent; do [ ! -d $to ] || cp -r ${DATASTORE}/. $to; done
  [ ! -e /var/lib/homelab/killed-after-restart ] || kill -9 $PPID
  ;;
esac
`;

let sandbox: Sandbox;
const files = filesOnStdin([{ path: "/etc/rancher/k3s/config.yaml", mode: "0600", content: "node-name: node1\n" }]);
const install = (more: Record<string, string> = {}) =>
  sandbox.run(
    {
      role: "server",
      node: "node1",
      version,
      source: "mirror",
      script: `${sandbox.url}/install.sh`,
      releases: `${sandbox.url}/k3s`,
      mirror: sandbox.url,
      "install-timeout": "20",
      "ready-timeout": "20",
      ...more,
    },
    files,
  );
const raise = (generation: number, more: Record<string, string> = { lead: "true" }) =>
  install({ authorities: String(generation), ...more });
const restarts = () => (sandbox.read("/var/lib/homelab/systemctl.log").match(/^restart/gm) ?? []).length;
const rotations = () =>
  fs.existsSync(sandbox.at("/var/lib/homelab/k3s.log")) ? sandbox.read("/var/lib/homelab/k3s.log").split("\n").length - 1 : 0;
const openssl = (...words: string[]) => execFileSync("openssl", words, { encoding: "utf8", stdio: "pipe" });
const subject = (file: string) => openssl("x509", "-in", file, "-noout", "-subject", "-nameopt", "RFC2253").trim();

/** Certificates as k3s makes them for itself, and one that each authority has signed. */
function cluster(): void {
  for (const name of names) {
    const at = sandbox.at(`${TLS}/${name}-ca`);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${at}.key`);
    openssl("req", "-x509", "-new", "-key", `${at}.key`, "-subj", `/CN=k3s-${name.replace("/", "-")}-ca@1700000000`, "-out", `${at}.crt`);
  }
}

/** A certificate for a server, signed by what is on the disk now, followed by its authorities as k3s writes it. */
function leaf(folder: string, name = "server"): string {
  const to = path.join(sandbox.folder, `leaf-${fs.readdirSync(sandbox.folder).length}`);
  fs.mkdirSync(to);
  const ca = path.join(folder, `${name}-ca`);
  openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", `${to}/key`, "-subj", "/CN=node1", "-out", `${to}/request`);
  openssl("x509", "-req", "-in", `${to}/request`, "-CA", `${ca}.crt`, "-CAkey", `${ca}.key`, "-set_serial", "7", "-out", `${to}/only`);
  fs.writeFileSync(`${to}/chain`, fs.readFileSync(`${to}/only`, "utf8") + fs.readFileSync(`${ca}.crt`, "utf8"));
  return `${to}/chain`;
}

/** Whether who trusts `bundle` trusts the server that shows `chain`. */
const trusts = (bundle: string, chain: string) =>
  spawnSync("openssl", ["verify", "-CAfile", bundle, "-untrusted", chain, chain]).status === 0;

beforeEach(async () => {
  sandbox = await new Sandbox().open();
  sandbox.release(version);
  sandbox.tool("systemctl", SYSTEMCTL);
  await install();
  cluster();
  const binary = sandbox.at("/usr/local/bin/k3s");
  const { mtime } = fs.statSync(binary);
  fs.writeFileSync(binary, K3S, { mode: 0o755 });
  fs.utimesSync(binary, mtime, mtime);
  // The release is what is installed, so that nothing is fetched again.
  sandbox.offer(`/k3s/${version}/k3s`, K3S);
  const sum = openssl("dgst", "-sha256", "-r", binary).split(" ")[0];
  sandbox.offer(`/k3s/${version}/sha256sum-amd64.txt`, `${sum}  k3s\n`, new Date());
  fs.rmSync(sandbox.at("/var/lib/homelab"), { recursive: true });
  fs.mkdirSync(sandbox.at("/var/lib/homelab"));
  await install();
}, 30_000);
afterEach(() => sandbox.close());

describe("k3s.sh install with another generation of authorities", () => {
  it("makes them once on the server that leads; others take them by a restart", async () => {
    const old = path.join(sandbox.folder, "old");
    fs.cpSync(sandbox.at(TLS), old, { recursive: true });
    const oldLeaf = leaf(old);
    const before = restarts();
    const outcome = await raise(2);
    expect(outcome).toMatchObject({ code: 0 });
    expect([rotations(), restarts() - before]).toEqual([1, 1]);
    const tls = sandbox.at(TLS);
    for (const name of names) {
      expect(subject(path.join(tls, `${name}-ca.crt`))).toMatch(/^subject=CN=k3s-[a-z-]+-ca@\d+,OU=homelab generation 2$/);
      const fresh = leaf(tls, name);
      // In both directions, for clients of OpenSSL as well: a node that has restarted and one that has not.
      expect([name, trusts(path.join(old, `${name}-ca.crt`), fresh), trusts(path.join(tls, `${name}-ca.crt`), fresh)]).toEqual([
        name,
        true,
        true,
      ]);
      // The key of the intermediate comes first: k3s signs with it.
      expect(openssl("pkey", "-in", path.join(tls, `${name}-ca.key`), "-pubout")).toBe(
        openssl("x509", "-in", path.join(tls, `${name}-ca.crt`), "-noout", "-pubkey"),
      );
      expect(fs.statSync(path.join(tls, `${name}-ca.key`)).mode & 0o077).toBe(0);
    }
    expect(trusts(path.join(tls, "server-ca.crt"), oldLeaf)).toBe(true);
    expect(fs.existsSync(sandbox.at(STAGED))).toBe(false);
    expect(outcome.stdout + outcome.stderr).not.toContain("PRIVATE KEY");

    // Again, and on a server that comes after: nothing is made anew.
    await raise(2);
    expect([rotations(), restarts() - before]).toEqual([1, 1]);
    fs.cpSync(old, tls, { recursive: true });
    expect(await raise(2, {})).toMatchObject({ code: 0 });
    expect([rotations(), restarts() - before]).toEqual([1, 2]);
    expect(subject(path.join(tls, "server-ca.crt"))).toContain("generation 2");
  });

  it("drops those before the last with the next generation", async () => {
    const old = path.join(sandbox.folder, "old");
    fs.cpSync(sandbox.at(TLS), old, { recursive: true });
    const first = leaf(old);
    await raise(2);
    const second = leaf(sandbox.at(TLS));
    expect(await raise(3)).toMatchObject({ code: 0 });
    const bundle = path.join(sandbox.at(TLS), "server-ca.crt");
    expect(subject(bundle)).toContain("generation 3");
    expect([trusts(bundle, first), trusts(bundle, second), trusts(bundle, leaf(sandbox.at(TLS)))]).toEqual([false, true, true]);
  });

  it.each(["killed-after-rotate-ca", "killed-after-restart"])("is finished by the next run when it is %s", async (when) => {
    fs.writeFileSync(sandbox.at(`/var/lib/homelab/${when}`), "");
    expect((await raise(2)).code).not.toBe(0);
    const stored = subject(sandbox.at(`${DATASTORE}/server-ca.crt`));
    fs.rmSync(sandbox.at(`/var/lib/homelab/${when}`));
    expect(await raise(2)).toMatchObject({ code: 0 });
    expect(subject(sandbox.at(`${TLS}/server-ca.crt`))).toBe(stored);
    expect(fs.existsSync(sandbox.at(STAGED))).toBe(false);
  });

  it("says that k3s refused them, and makes others the next time", async () => {
    fs.writeFileSync(sandbox.at("/var/lib/homelab/refuses"), "");
    expect(await raise(2)).toMatchObject({ code: 1, stderr: expect.stringContaining("k3s refused the new certificate authorities") });
    expect(subject(sandbox.at(`${TLS}/server-ca.crt`))).not.toContain("generation");
    fs.rmSync(sandbox.at("/var/lib/homelab/refuses"));
    expect(await raise(2)).toMatchObject({ code: 0 });
  });

  it("restarts an agent, which asks the servers for theirs", async () => {
    const own = sandbox.at("/var/lib/rancher/k3s/agent/server-ca.crt");
    const old = fs.readFileSync(sandbox.at(`${TLS}/server-ca.crt`));
    await raise(2);
    fs.rmSync(sandbox.at(TLS), { recursive: true });
    fs.writeFileSync(own, old);
    const before = restarts();
    expect(await raise(2, { role: "agent" })).toMatchObject({ code: 0 });
    expect([restarts() - before, subject(own)]).toEqual([1, expect.stringContaining("generation 2")]);
    expect(await raise(2, { role: "agent" })).toMatchObject({ code: 0 });
    expect([rotations(), restarts() - before]).toEqual([1, 1]);
  });
});

import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import type * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tlsServer from "node:tls";
import { type ParsedKey, utils } from "ssh2";
import { provider } from "../../../rig/stand-ins/plugins/tls/provider";
import { type Answer, UnderTest } from "./wire";

const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

let plugin: UnderTest;
let directory: string;
beforeAll(async () => {
  plugin = await UnderTest.start(provider);
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "tls-"));
});
afterAll(async () => {
  await plugin.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

const urn = (type: string) => `urn:pulumi:s::p::tls:index/${type[0].toLowerCase()}${type.slice(1)}:${type}::x`;
const call = (method: string, type: string, request: object) => plugin.call({ method, request: { urn: urn(type), ...request } });

/** The value of a property, out of its secret if it is one. */
const bare = (value: any) => (value && typeof value === "object" && Object.values(value).includes(SECRET) ? value.value : value);
const isSecret = (value: any) => typeof value === "object" && Object.values(value).includes(SECRET);

async function made(type: string, properties: object): Promise<Record<string, any>> {
  const answer = await call("Create", type, { properties });
  expect(answer.error).toBeNull();
  return answer.response?.properties;
}

const plainOf = (properties: Record<string, any>) =>
  Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, bare(value)]));

const reasons = (answer: Answer) => (answer.response?.failures ?? []).map(({ reason }: { reason: string }) => reason);

describe("PrivateKey", () => {
  const kinds: [string, object, string | undefined, string][] = [
    ["RSA", { algorithm: "RSA", rsaBits: 2048 }, "ssh-rsa", "RSA PRIVATE KEY"],
    ["ECDSA P-256", { algorithm: "ECDSA", ecdsaCurve: "P256" }, "ecdsa-sha2-nistp256", "EC PRIVATE KEY"],
    ["ECDSA P-521", { algorithm: "ECDSA", ecdsaCurve: "P521" }, "ecdsa-sha2-nistp521", "EC PRIVATE KEY"],
    ["ECDSA P-224", { algorithm: "ECDSA" }, undefined, "EC PRIVATE KEY"],
    ["ED25519", { algorithm: "ED25519" }, "ssh-ed25519", "PRIVATE KEY"],
  ];

  it.each(kinds)("%s is the same key in every form", async (_, inputs, sshType, label) => {
    const state = await made("PrivateKey", inputs);
    expect(["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"].map((name) => isSecret(state[name]))).toEqual([true, true, true]);
    const key = plainOf(state);
    expect(key.privateKeyPem).toContain(`-----BEGIN ${label}-----`);
    const spki = (pem: string) => createPublicKey(pem).export({ format: "pem", type: "spki" });
    expect([spki(key.privateKeyPem), spki(key.privateKeyPemPkcs8)]).toEqual([key.publicKeyPem, key.publicKeyPem]);
    expect(key.id).toMatch(/^[0-9a-f]{40}$/);
    if (!sshType) {
      expect([key.privateKeyOpenssh, key.publicKeyOpenssh, key.publicKeyFingerprintSha256]).toEqual(["", "", ""]);
      return;
    }
    const parsed = utils.parseKey(key.privateKeyOpenssh);
    if (parsed instanceof Error) {
      throw parsed;
    }
    expect(`${parsed.type} ${parsed.getPublicSSH().toString("base64")}\n`).toBe(key.publicKeyOpenssh);
    expect(parsed.type).toBe(sshType);
    expect(key.publicKeyFingerprintMd5).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    const signed = parsed.sign("message");
    expect((utils.parseKey(key.publicKeyOpenssh) as ParsedKey).verify("message", signed as Buffer)).toBe(true);
  });

  it.each(kinds.filter(([, , type]) => type))("%s is read by ssh-keygen", async (name, inputs) => {
    const key = plainOf(await made("PrivateKey", inputs));
    const file = path.join(directory, `key-${name}`);
    fs.writeFileSync(file, key.privateKeyOpenssh, { mode: 0o600 });
    expect(execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim()).toBe(key.publicKeyOpenssh.trim());
    const print = (hash: string) => execFileSync("ssh-keygen", ["-l", "-E", hash, "-f", file], { encoding: "utf8" }).split(" ")[1];
    expect(print("sha256")).toBe(key.publicKeyFingerprintSha256);
    expect(print("md5")).toBe(`MD5:${key.publicKeyFingerprintMd5}`);
  });

  it("previews with its outputs unknown and its defaults known", async () => {
    const answer = await call("Create", "PrivateKey", { properties: { algorithm: "RSA" }, preview: true });
    expect(answer.response).toMatchObject({
      properties: { algorithm: "RSA", rsaBits: 2048, privateKeyPem: UNKNOWN, publicKeyOpenssh: UNKNOWN },
    });
  });

  it("refuses an algorithm that it does not know, and a missing one", async () => {
    expect(reasons(await call("Check", "PrivateKey", { news: { algorithm: "DSA" } }))).toEqual([
      `Invalid Attribute Value Match. Attribute algorithm value must be one of: ["RSA" "ECDSA" "ED25519"], got: "DSA". Examine values at 'x.algorithm'.`,
    ]);
    expect(reasons(await call("Check", "PrivateKey", { news: {} }))).toEqual(["Missing required property 'algorithm'"]);
    expect(reasons(await call("Check", "PrivateKey", { news: { algorithm: UNKNOWN } }))).toEqual([]);
  });

  it("is replaced when its algorithm changes, and only then", async () => {
    const state = await made("PrivateKey", { algorithm: "ED25519" });
    const diff = async (news: object) => (await call("Diff", "PrivateKey", { id: state.id, olds: state, news })).response;
    expect(await diff({ algorithm: "ED25519" })).toMatchObject({ changes: "DIFF_NONE" });
    expect(await diff({ algorithm: "ED25519", rsaBits: 2048 })).toMatchObject({ changes: "DIFF_NONE" });
    expect(await diff({ algorithm: "RSA" })).toMatchObject({ changes: "DIFF_SOME", replaces: ["algorithm"] });
  });
});

describe("certificates", () => {
  let authorityKey: string;
  let authority: Record<string, any>;
  beforeAll(async () => {
    authorityKey = bare((await made("PrivateKey", { algorithm: "ECDSA", ecdsaCurve: "P384" })).privateKeyPem);
    authority = plainOf(
      await made("SelfSignedCert", {
        privateKeyPem: authorityKey,
        subject: { commonName: "authority", organization: "home" },
        isCaCertificate: true,
        maxPathLength: 0,
        allowedUses: ["cert_signing", "crl_signing"],
        validityPeriodHours: 48,
      }),
    );
  });

  const issueFor = async (request: object, more: object = {}) => {
    const key = bare((await made("PrivateKey", { algorithm: "ED25519" })).privateKeyPem);
    const { certRequestPem } = await made("CertRequest", { privateKeyPem: key, ...request });
    const state = await made("LocallySignedCert", {
      certRequestPem,
      caCertPem: authority.certPem,
      caPrivateKeyPem: authorityKey,
      allowedUses: ["server_auth", "key_encipherment"],
      validityPeriodHours: 12,
      ...more,
    });
    return { key, state, certificate: new X509Certificate(state.certPem) };
  };

  it("are signed by the authority and hold what was asked for", async () => {
    const { key, state, certificate } = await issueFor({
      subject: { commonName: "sérver", country: "DE", streetAddresses: ["a", "b"] },
      dnsNames: ["server.test", "*.server.test"],
      ipAddresses: ["192.168.200.11", "fd00::1:2"],
      uris: ["spiffe://lab/server"],
    });
    expect(certificate.verify(createPublicKey(authorityKey))).toBe(true);
    expect(certificate.checkIssued(new X509Certificate(authority.certPem))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.subject.split("\n")).toEqual(expect.arrayContaining(["C=DE", "CN=sérver"]));
    expect(certificate.subjectAltName).toBe(
      "DNS:server.test, DNS:*.server.test, IP Address:192.168.200.11, IP Address:FD00:0:0:0:0:0:1:2, URI:spiffe://lab/server",
    );
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(certificate.ca).toBe(false);
    expect(state.id).toBe(BigInt(`0x${certificate.serialNumber}`).toString());
    expect([state.caKeyAlgorithm, state.readyForRenewal, state.maxPathLength]).toEqual(["ECDSA", false, -1]);
    expect(Date.parse(state.validityEndTime) - Date.parse(state.validityStartTime)).toBe(12 * 3600 * 1000);
    expect(new Date(certificate.validTo).toISOString()).toBe(new Date(state.validityEndTime).toISOString());
    expect(isSecret(state.caPrivateKeyPem)).toBe(true);
  });

  it("pass openssl's verification", async () => {
    const { certificate } = await issueFor({ subject: { commonName: "s" }, dnsNames: ["s.test"] }, { setSubjectKeyId: true });
    const [file, ca] = ["cert.pem", "ca.pem"].map((name) => path.join(directory, name));
    fs.writeFileSync(file, certificate.toString());
    fs.writeFileSync(ca, authority.certPem);
    expect(
      execFileSync("openssl", ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca, file], { encoding: "utf8" }),
    ).toContain(": OK");
    const text = execFileSync("openssl", ["x509", "-in", ca, "-noout", "-text"], { encoding: "utf8" });
    expect(text).toMatch(/CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Certificate Sign, CRL Sign/);
  });

  it("of an authority have to have a subject", async () => {
    const properties = { privateKeyPem: authorityKey, isCaCertificate: true, allowedUses: [], validityPeriodHours: 1 };
    const answer = await call("Create", "SelfSignedCert", { properties });
    expect(answer.error?.[0]).toContain("Must contain at least 1 Distinguished Name");
  });

  it("are not signed with a key that is not the authority's", async () => {
    const other = bare((await made("PrivateKey", { algorithm: "ED25519" })).privateKeyPem);
    const { certRequestPem } = await made("CertRequest", { privateKeyPem: other });
    const properties = { certRequestPem, caCertPem: authority.certPem, caPrivateKeyPem: other, allowedUses: [], validityPeriodHours: 1 };
    const answer = await call("Create", "LocallySignedCert", { properties });
    expect(answer.error?.[0]).toContain("doesn't match parent's PublicKey");
  });

  it("are refused with a use, an address or a time that does not exist", async () => {
    const news = { privateKeyPem: authorityKey, allowedUses: ["server_auth", "any"], validityPeriodHours: -1 };
    const found = reasons(await call("Check", "SelfSignedCert", { news }));
    expect(found).toHaveLength(2);
    expect(found.join()).toMatch(/allowed_uses\[1\] value must be one of: \["digital_signature".* got: "any"/);
    expect(found.join()).toMatch(/validity_period_hours value must be at least 0, got: -1/);
    const answer = await call("Create", "CertRequest", { properties: { privateKeyPem: authorityKey, ipAddresses: ["1.2.3"] } });
    expect(answer.error?.[0]).toContain('Failed to parse IP address: "1.2.3"');
  });

  it("ask for one of the two ways to give the key", async () => {
    const found = reasons(await call("Check", "CertRequest", { news: {} }));
    expect(found).toEqual([expect.stringContaining("[private_key_pem,private_key_pem_wo]")]);
    const state = await made("CertRequest", { privateKeyPemWo: authorityKey, privateKeyPemWoVersion: 1 });
    expect(Object.keys(state)).not.toContain("privateKeyPemWo");
    expect(state.privateKeyPemWoVersion).toBe(1);
  });

  describe("near their end", () => {
    const HOUR = 3600 * 1000;
    const inputs = () => ({ privateKeyPem: authorityKey, allowedUses: ["server_auth"], validityPeriodHours: 12, earlyRenewalHours: 2 });
    const endingIn = async (hours: number): Promise<Record<string, any>> => {
      const state = await made("SelfSignedCert", inputs());
      return { ...state, validityEndTime: new Date(Date.now() + hours * HOUR).toISOString() };
    };
    const diff = async (olds: object, news: object) => (await call("Diff", "SelfSignedCert", { id: "1", olds, news })).response;

    it("are replaced within the early renewal period, and not before", async () => {
      expect(await diff(await endingIn(3), inputs())).toMatchObject({ changes: "DIFF_NONE" });
      expect(await diff(await endingIn(1), inputs())).toMatchObject({ changes: "DIFF_SOME", replaces: ["readyForRenewal"] });
      expect(await diff(await endingIn(-1), { ...inputs(), earlyRenewalHours: 0 })).toMatchObject({
        replaces: ["readyForRenewal"],
        diffs: ["earlyRenewalHours", "readyForRenewal"],
      });
    });

    it("say so on refresh", async () => {
      const read = async (hours: number) => {
        const properties = await endingIn(hours);
        return (await call("Read", "SelfSignedCert", { id: "1", properties, inputs: inputs() })).response?.properties.readyForRenewal;
      };
      expect([await read(3), await read(1)]).toEqual([false, true]);
    });

    it("take another early renewal period without being made anew", async () => {
      const olds = await endingIn(3);
      const news = { ...inputs(), earlyRenewalHours: 1 };
      const found = await diff(olds, news);
      expect(found).toMatchObject({ changes: "DIFF_SOME", diffs: ["earlyRenewalHours"] });
      expect(found?.replaces).toBeUndefined();
      const updated = await call("Update", "SelfSignedCert", { id: "1", olds, news });
      expect(updated.response?.properties).toMatchObject({ certPem: olds.certPem, earlyRenewalHours: 1, readyForRenewal: false });
    });
  });

  it("are described by getCertificate, from a text and from a server", async () => {
    const { key, certificate } = await issueFor({ subject: { commonName: "localhost" }, ipAddresses: ["127.0.0.1"] });
    const fromText = await plugin.call({
      method: "Invoke",
      request: { tok: "tls:index/getCertificate:getCertificate", args: { content: authority.certPem } },
    });
    expect(fromText.response?.return.certificates).toMatchObject([
      { isCa: true, subject: "CN=authority,O=home", publicKeyAlgorithm: "ECDSA", signatureAlgorithm: "ECDSA-SHA384", version: 3 },
    ]);
    const server = tlsServer.createServer({ key, cert: certificate.toString() + authority.certPem });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
      const ask = (args: object) => plugin.call({ method: "Invoke", request: { tok: "tls:index/getCertificate:getCertificate", args } });
      const found = await ask({ url, verifyChain: false });
      expect(found.response?.return.certificates.map(({ subject }: { subject: string }) => subject)).toEqual([
        "CN=authority,O=home",
        "CN=localhost",
      ]);
      expect((await ask({ url })).error?.[0]).toContain("Failed to identify fetch peer certificates");
      expect((await ask({ url: "http://127.0.0.1" })).error?.[0]).toContain("Invalid URL Scheme");
    } finally {
      server.close();
    }
  });
});

test("getPublicKey takes a key in PEM and in OpenSSH's form", async () => {
  for (const inputs of [{ algorithm: "ED25519" }, { algorithm: "RSA" }, { algorithm: "ECDSA", ecdsaCurve: "P256" }]) {
    const key = plainOf(await made("PrivateKey", inputs));
    for (const args of [{ privateKeyPem: key.privateKeyPem }, { privateKeyOpenssh: key.privateKeyOpenssh }]) {
      const answer = await plugin.call({ method: "Invoke", request: { tok: "tls:index/getPublicKey:getPublicKey", args } });
      expect(answer.response?.return).toMatchObject({
        algorithm: inputs.algorithm,
        id: key.id,
        publicKeyPem: key.publicKeyPem,
        publicKeyOpenssh: key.publicKeyOpenssh,
      });
    }
  }
  const neither = await plugin.call({ method: "Invoke", request: { tok: "tls:index/getPublicKey:getPublicKey", args: {} } });
  expect(neither.error?.[0]).toContain("exactly one of private_key_pem and private_key_openssh");
});

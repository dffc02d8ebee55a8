import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { PassphraseCipher } from "../../../cli/report/paper/passphrase";
import { SECRET, SIGNATURE } from "../../../cli/report/paper/placeholders";
import { type Recording, readRecording, recordedResources, writeRecording } from "../../../cli/report/paper/recording";

const secret = (value: unknown) => ({ [SIGNATURE]: SECRET, plaintext: JSON.stringify(value) });
const recorded = (...resources: object[]) => recordedResources(resources as any, ["hunter2-of-the-bmc"]) as any[];
const plain = (value: any) => JSON.parse(value.plaintext);

describe("a recorded stack", () => {
  const pem = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;

  it("has a placeholder in the place of each secret, equal where the secrets are", () => {
    const [one] = recorded({
      urn: "urn:pulumi:sim::homelab::random:index/randomPassword:RandomPassword::admin",
      type: "random:index/randomPassword:RandomPassword",
      inputs: { length: 32 },
      outputs: {
        result: secret("correct horse battery staple"),
        copy: secret("correct horse battery staple"),
        other: secret("another one"),
      },
    });
    expect(plain(one.outputs.result)).toMatch(/^placeholder-[0-9a-f]{20}$/);
    expect(plain(one.outputs.copy)).toBe(plain(one.outputs.result));
    expect(plain(one.outputs.other)).not.toBe(plain(one.outputs.result));
    expect(one.inputs).toEqual({ length: 32 });
  });

  it("keeps the shape of what the program reads: keys, JSON and kubeconfigs that commands print", () => {
    const kubeconfig = `apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: ${"t".repeat(40)}\n`;
    const [key, installed, config] = recorded(
      { urn: "u", type: "tls:index/privateKey:PrivateKey", outputs: { privateKeyPem: secret(pem) } },
      { urn: "u", type: "command:remote:Command", outputs: { stdout: secret('{"apiKey":"abcdefghij:klmnopqrst:uvwxyz"}') } },
      { urn: "u", type: "command:remote:Command", outputs: { stdout: secret(kubeconfig) } },
    );
    expect(createPrivateKey(plain(key.outputs.privateKeyPem)).asymmetricKeyType).toBe("ec");
    expect(plain(key.outputs.privateKeyPem)).not.toBe(pem);
    expect(Object.keys(JSON.parse(plain(installed.outputs.stdout)))).toEqual(["apiKey"]);
    expect(plain(config.outputs.stdout)).toMatch(/^kind: Config$/m);
    expect(JSON.stringify([key, installed, config])).not.toMatch(/abcdefghij|tttttttt/);
  });

  it("has no secret in clear where nobody marked it: in other texts, in base64, in JSON, in what a step printed", () => {
    const known = secret('a "quoted" password');
    const resources = recorded(
      { urn: "u", type: "random:index/randomPassword:RandomPassword", outputs: { result: known } },
      {
        urn: "u",
        type: "command:local:Command",
        inputs: { create: "node maas/step.cjs enlist create", stdin: JSON.stringify({ note: 'a "quoted" password' }) },
        outputs: { stdout: '{"echo":"hunter2-of-the-bmc"}' },
      },
      {
        urn: "u",
        type: "kubernetes:core/v1:ConfigMap",
        inputs: { data: { a: Buffer.from("hunter2-of-the-bmc").toString("base64"), b: "x hunter2-of-the-bmc y" } },
      },
    );
    const text = JSON.stringify(resources);
    for (const canary of ["quoted", "hunter2", Buffer.from("hunter2-of-the-bmc").toString("base64")]) {
      expect(text).not.toContain(canary);
    }
  });

  it("keeps what steps observed: names, ids and addresses of MAAS", () => {
    const [step] = recorded({
      urn: "u",
      type: "command:local:Command",
      inputs: { create: "node maas/step.cjs deploy create" },
      outputs: { stdout: secret('{"systemId":"abc123","address":"192.168.200.11"}') },
    });
    expect(JSON.parse(plain(step.outputs.stdout))).toEqual({ systemId: "abc123", address: "192.168.200.11" });
  });

  describe("in a file", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-recording-"));
    });
    afterEach(() => fs.rm(folder, { recursive: true, force: true }));
    const content: Recording = { format: 1, stack: "lab", commit: "0", recorded: "now", unapplied: [], answers: {}, resources: [] };

    it("is read as it was written, by its owner only", async () => {
      const file = path.join(folder, "a");
      await writeRecording(file, content);
      expect(await readRecording(file)).toEqual(content);
      expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    });

    it.each([
      ["is cut off", async () => gzipSync(JSON.stringify(content)).subarray(0, 30), "not a recording"],
      ["is not packed", async () => Buffer.from(JSON.stringify(content)), "not a recording"],
      ["is of another format", async () => gzipSync(JSON.stringify({ ...content, format: 2 })), "not a recording of this format"],
      ["unpacks to more than fits", async () => gzipSync(Buffer.alloc(257 * 1024 * 1024)), "not a recording"],
    ])("is refused where it %s", async (_, made, message) => {
      const file = path.join(folder, "a");
      await fs.writeFile(file, await made());
      await expect(readRecording(file)).rejects.toThrow(message);
    });
  });

  it("is encrypted for the engine as the engine does it", () => {
    const cipher = new PassphraseCipher();
    expect(cipher.encryptionSalt).toMatch(/^v1:[\w+/=]{12}:v1:[\w+/=]{16}:[\w+/=]+$/);
    expect(cipher.encrypt("x")).not.toBe(cipher.encrypt("x"));
  });
});

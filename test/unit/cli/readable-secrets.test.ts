import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { readableSecrets } from "../../../cli/engine/readable-secrets";
import { checkStackFile } from "../../../cli/engine/settings-file";

const committed = yaml.load(fs.readFileSync(path.resolve(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as { config: any };

/** What is said of a stack file whose first machine is given this file. */
async function said(file: object): Promise<string[]> {
  const stack = structuredClone(committed);
  stack.config["homelab:machines"][0].userData = { files: [{ path: "/etc/motd", content: "hello" }, file] };
  const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-readable-"));
  try {
    const name = path.join(folder, "Pulumi.test.yaml");
    fs.writeFileSync(name, yaml.dump(stack));
    return readableSecrets((await checkStackFile(name)).settings);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const encrypted = { secure: "v1:c2VjcmV0" };

describe("a file of user data whose content is encrypted", () => {
  it.each([{}, { permissions: "0604" }])("is named where every user may read it: %o", async (more) => {
    const lines = await said({ path: "/etc/wireguard/key", content: encrypted, ...more });
    expect(lines).toEqual([
      expect.stringMatching(/^homelab:machines\[0\]\.userData\.files\[1\]: every user of node1 can read \/etc\/wireguard\/key/),
    ]);
    expect(lines[0]).toContain('set permissions: "0600"');
  });

  it("is not, where only its owner or a group may", async () => {
    expect(await said({ path: "/etc/wireguard/key", content: encrypted, permissions: "0640" })).toEqual([]);
  });

  it("nor is one whose content is no secret", async () => {
    expect(await said({ path: "/etc/issue", content: "hello" })).toEqual([]);
  });
});

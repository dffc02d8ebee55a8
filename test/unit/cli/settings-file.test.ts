import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { checkStackFile } from "../../../cli/engine/settings-file";

describe("checking a stack file", () => {
  let folder: string;
  const write = async (text: string) => {
    const file = path.join(folder, "Pulumi.mine.yaml");
    await fs.writeFile(file, text);
    return file;
  };

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-settings-"));
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it.each(["sim", "vm", "lab"])("finds nothing wrong with the stack %s of this repository", async (stack) => {
    expect((await checkStackFile(stack)).settings.machines.length).toBeGreaterThan(0);
  });

  it("names the path of a misspelt setting, and the right name", async () => {
    const text = await fs.readFile("Pulumi.sim.yaml", "utf8");
    const file = await write(text.replace("homelab:cluster:\n", "homelab:cluster:\n    versoin: v1.34.1+k3s1\n"));
    await expect(checkStackFile(file)).rejects.toThrow(/homelab:cluster\.versoin: there is no such setting[\s\S]*write "version"/);
  });

  it("accepts a secret in its place without its passphrase", async () => {
    const text = await fs.readFile("Pulumi.lab.yaml", "utf8");
    const file = await write(text.replace("config:\n", "config:\n  homelab:maasApiKey:\n    secure: v1:AAAA:BBBB\n"));
    await expect(checkStackFile(file)).resolves.toMatchObject({ file });
  });

  it("says which line is not YAML, and which stacks there are", async () => {
    await expect(checkStackFile(await write("config: [\n"))).rejects.toThrow("not YAML");
    await expect(checkStackFile("nosuch")).rejects.toThrow(/allowed: +a stack: .*sim/);
  });
});

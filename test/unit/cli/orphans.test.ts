import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { endOrphanedPlugins, isOrphan } from "../../../cli/engine/orphans";
import { mortal } from "../../../cli/engine/process";

describe("what a killed run leaves behind", () => {
  let home: string;
  let plugin: string;
  const started: ChildProcess[] = [];
  const children: number[] = [];

  beforeEach(() => {
    home = fs.mkdtempSync(path.join(tmpdir(), "homelab-orphans-"));
    plugin = path.join(home, "plugins", "resource-kubernetes-v4.33.0", "pulumi-resource-kubernetes");
    fs.mkdirSync(path.dirname(plugin), { recursive: true });
    fs.copyFileSync("/bin/sleep", plugin);
    fs.chmodSync(plugin, 0o755);
  });
  afterEach(() => {
    for (const child of started.splice(0)) {
      child.kill("SIGKILL");
    }
    for (const pid of children.splice(0).filter(alive)) {
      process.kill(pid, "SIGKILL");
    }
    fs.rmSync(home, { recursive: true });
  });

  /** A process that starts another one, which it outlives unless it is killed; and the other's number. */
  async function parentOf(command: string): Promise<{ parent: ChildProcess; pid: number }> {
    const parent = spawn("sh", ["-c", `${command} & echo $!; exec sleep 60`], { stdio: ["ignore", "pipe", "ignore"] });
    started.push(parent);
    const [line] = (await once(parent.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    children.push(Number(String(line)));
    return { parent, pid: Number(String(line)) };
  }
  const alive = (pid: number) =>
    !/^State:\s+[ZX]/m.test(fs.existsSync(`/proc/${pid}/status`) ? fs.readFileSync(`/proc/${pid}/status`, "utf8") : "State: X");
  const gone = async (pid: number) => {
    while (alive(pid)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it("plugins without an engine are ended, and no others", async () => {
    const [left, used] = [await parentOf(`${plugin} 60`), await parentOf(`${plugin} 60`)];
    const elsewhere = await parentOf("sleep 60");
    for (const { parent } of [left, elsewhere]) {
      parent.kill("SIGKILL");
      await once(parent, "exit");
    }
    expect([await isOrphan(left.pid), await isOrphan(used.pid)]).toEqual([true, false]);
    expect(await endOrphanedPlugins(home)).toBe(1);
    await gone(left.pid);
    expect([alive(used.pid), alive(elsewhere.pid)]).toEqual([true, true]);
  });

  it("an engine is told to end when its command is killed", async () => {
    const [command, args] = mortal("INT", "sh", ["-c", `trap 'echo told >${home}/told; exit' INT; echo $$; while :; do sleep 0.1; done`]);
    const starts = `require("node:child_process").spawn(${JSON.stringify(command)}, ${JSON.stringify(args)}, { stdio: "inherit" })`;
    const lab = spawn(process.execPath, ["-e", starts], { stdio: ["ignore", "pipe", "ignore"] });
    started.push(lab);
    const [line] = (await once(lab.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    lab.kill("SIGKILL");
    await gone(Number(String(line)));
    expect(fs.readFileSync(path.join(home, "told"), "utf8")).toBe("told\n");
  });
});

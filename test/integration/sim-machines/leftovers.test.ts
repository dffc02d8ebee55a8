import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { labName } from "../../../rig/machines/nspawn-hardware";
import { cannotBoot, type Namespace, openNamespace } from "./hardware-harness";

// Starts and ends simulators, without a machine in them: in a network of their own.
jest.setTimeout(300_000);
const root = path.resolve(__dirname, "../../..");

(cannotBoot() ? describe.skip : describe)("what an interrupted lab leaves", () => {
  let folder: string;
  let state: string;
  let namespace: ReturnType<typeof openNamespace>;
  let worker: Namespace;
  let second: Namespace | undefined;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "lab-"));
    state = path.join(folder, "sim");
    namespace = openNamespace();
    worker = namespace;
    await worker.call("shell", "ip link set lo up");
  });
  afterEach(async () => {
    await worker.call("startLab", "clean", "--state", state).catch(() => undefined);
    await second?.kill();
    second = undefined;
    await worker.kill();
    namespace.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  const shell = async (command: string) => (await worker.call("shell", command)).output;
  const node = `LAB_STATE=\${LAB_STATE:-$FOLDER} ${process.execPath} --require ${root}/load-typescript.cjs`;
  const lab = (...args: string[]) => worker.call("shell", `FOLDER=${folder}; cd ${root}; ${node} cli/main.ts ${args.join(" ")}`);
  /** A function of cli/engine/simulator-process.ts, in a process as `lab` is one. */
  const cli = async (name: string) => {
    const source = `require("${root}/cli/engine/simulator-process").${name}((line) => console.error(line)).then((answer) => console.log("answer " + JSON.stringify(answer)))`;
    return (await shell(`FOLDER=${folder}; ${node} -e '${source}'`)).replace(/^[\s\S]*answer /, "").trim();
  };
  const traces = () => shell("ip -brief link show | grep -v '^lo '; ss -ltnH; iptables -S | grep homelab0");
  const leftBridge = (of: string) => shell(`ip link add homelab0 type bridge && ip link set homelab0 alias 'cloud-native-home-lab ${of}'`);

  test("a simulator whose `up` was killed before it could note it is used by the next one, and ended by `down`", async () => {
    const { ready } = await worker.call("startLab", "--state", state);
    expect(JSON.parse(await cli("startSimulator"))).toEqual({ url: ready?.url, mirror: ready?.mirror });
    // Its record too is lost, or was half written when the disk filled up.
    await fs.writeFile(path.join(state, "simulator.json"), '{"pid":12');
    await fs.writeFile(path.join(state, "daemon.json"), "");
    await cli("stopSimulator");
    expect(await traces()).toBe("");
  });

  test("of two that start at once one runs, and the other breaks nothing", async () => {
    second = worker.again();
    const both = await Promise.all([worker.call("startLab", "--state", state), second.call("startLab", "--state", state)]);
    const [winner] = both.filter(({ ready }) => ready);
    expect(both.map(({ code, ready }) => [code, Boolean(ready)]).sort()).toEqual([
      [undefined, true],
      [2, false],
    ]);
    expect(await shell("ip -brief address show homelab0")).toContain("192.168.200.1/24");
    expect(JSON.parse(await cli("startSimulator"))).toEqual({ url: winner.ready?.url, mirror: winner.ready?.mirror });
    await cli("stopSimulator");
  });

  test("the bridge of a lab whose checkout is gone and that does not run is removed by the next start", async () => {
    await leftBridge("/nonexistent/checkout/.lab/sim");
    const { ready, said } = await worker.call("startLab", "--state", state);
    expect(said).toContain("removing what is left of the lab /nonexistent/checkout/.lab/sim");
    expect(ready).toBeDefined();
  });

  test("the bridge of another checkout's lab is named, with what to do that this program can do", async () => {
    const other = path.join(folder, "other", "sim");
    await fs.mkdir(other, { recursive: true });
    await leftBridge(other);
    const { code, said } = await worker.call("startLab", "--state", state);
    expect(code).toBe(2);
    expect(said).toContain(`${other}: simulator not running, bridge homelab0, state folder there`);
    expect(said).toContain("./lab down --force");
    expect(said).not.toContain("--bridge");
    const doctor = await lab("doctor", "--json");
    expect(doctor.code).toBe(2);
    expect(JSON.parse(doctor.output)).toContainEqual({
      what: "leftovers",
      state: "wrong",
      detail: expect.stringContaining(`${other}: simulator not running, bridge homelab0`),
    });
    expect((await lab("down", "--force")).code).toBe(0);
    expect(await traces()).toBe("");
  });

  test("a lab that goes on although its workspace was deleted is ended by another checkout's `down --force`, one that has its folder is not", async () => {
    const gone = path.join(folder, "gone", "sim");
    expect((await worker.call("startLab", "--state", gone)).ready).toBeDefined();
    const kept = await lab("down", "--force");
    expect(kept.output).toContain(`not touched, it runs: ${gone}`);
    await fs.rm(path.dirname(gone), { recursive: true });
    second = worker.again();
    const { code, said } = await second.call("startLab", "--state", state);
    expect(code).toBe(2);
    expect(said).toMatch(/state folder gone[\s\S]*\.\/lab down --force/);
    expect(said).not.toContain("ss -ltnp");
    const forced = await lab("down", "--force");
    expect(forced).toMatchObject({ code: 0, output: expect.stringContaining(`removing ${gone}: simulator running`) });
    expect(await traces()).toBe("");
    expect(await shell(`find /sys/fs/cgroup -name '${labName(gone)}' 2>/dev/null`)).toBe("");
  });
});

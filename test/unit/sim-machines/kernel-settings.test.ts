import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { isInTheWay } from "../../../rig/machines/firewall";
import { KernelSettings } from "../../../rig/machines/kernel-settings";

describe("the kernel's settings", () => {
  let folder: string;
  const kernel = () => path.join(folder, "sys");
  const notes = () => path.join(folder, "notes");
  const read = (file: string) => fs.readFile(path.join(kernel(), file), "utf8").then((text) => text.trim());
  const write = async (file: string, value: string) => {
    await fs.mkdir(path.dirname(path.join(kernel(), file)), { recursive: true });
    await fs.writeFile(path.join(kernel(), file), value);
  };
  const lab = async (name: string) => {
    const state = path.join(folder, name);
    await fs.mkdir(state, { recursive: true });
    return new KernelSettings(name, state, notes(), kernel());
  };

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "kernel-"));
    await write("vm/overcommit_memory", "0\n");
    await write("kernel/panic", "10\n");
    await write("fs/inotify/max_user_instances", "128\n");
    await write("fs/inotify/max_user_watches", "9999999\n");
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  test("become what kubelet wants, and what was there before returns, without a trace", async () => {
    const settings = await lab("one");
    await settings.apply();
    expect(
      await Promise.all(["vm/overcommit_memory", "kernel/panic", "fs/inotify/max_user_instances", "fs/inotify/max_user_watches"].map(read)),
    ).toEqual(["1", "10", "8192", "9999999"]);
    await settings.release();
    expect(await Promise.all(["vm/overcommit_memory", "kernel/panic", "fs/inotify/max_user_instances"].map(read))).toEqual([
      "0",
      "10",
      "128",
    ]);
    await expect(fs.stat(notes())).rejects.toThrow(/ENOENT/);
  });

  test("stay while another lab needs them", async () => {
    const [one, two] = [await lab("one"), await lab("two")];
    await one.apply();
    await two.apply();
    await one.release();
    expect(await read("vm/overcommit_memory")).toBe("1");
    await two.release();
    expect(await read("vm/overcommit_memory")).toBe("0");
  });

  test("do not wait for a lab whose state is gone", async () => {
    const [one, two] = [await lab("one"), await lab("two")];
    await one.apply();
    await two.apply();
    await fs.rm(path.join(folder, "one"), { recursive: true });
    await two.release();
    expect(await read("vm/overcommit_memory")).toBe("0");
  });

  test("survive a restart of the lab: what was there first is what returns", async () => {
    await (await lab("one")).apply();
    const again = await lab("one");
    await again.apply();
    await again.release();
    expect(await read("vm/overcommit_memory")).toBe("0");
  });

  test("that somebody else has changed meanwhile are left alone", async () => {
    const settings = await lab("one");
    await settings.apply();
    await write("vm/overcommit_memory", "2\n");
    await settings.release();
    expect(await read("vm/overcommit_memory")).toBe("2");
  });

  test("are not touched by a lab that has never set them", async () => {
    await (await lab("one")).release();
    expect(await read("vm/overcommit_memory")).toBe("0");
    await expect(fs.stat(notes())).rejects.toThrow(/ENOENT/);
  });

  test("can be set after a process was killed while it held the lock", async () => {
    await fs.mkdir(path.join(notes(), "lock"), { recursive: true });
    await (await lab("one")).apply();
    expect(await read("vm/overcommit_memory")).toBe("1");
  }, 20_000);
});

test.each([
  ["-P INPUT ACCEPT\n", "INPUT", false],
  ["-P INPUT DROP\n", "INPUT", true],
  ["-P FORWARD ACCEPT\n-A FORWARD -j DOCKER-USER\n", "FORWARD", true],
])("a firewall that says %j is in the way of %s: %s", (listed, chain, expected) => {
  expect(isInTheWay(listed, chain)).toBe(expected);
});

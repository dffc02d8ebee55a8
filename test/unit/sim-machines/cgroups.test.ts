import { parseHierarchies } from "../../../rig/machines/cgroups";

describe("control group hierarchies", () => {
  test("version 1 with named and shared hierarchies, and version 2 beside it", () => {
    const mounts = [
      "tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0",
      "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0",
      "cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0",
      "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0",
      "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0",
    ].join("\n");
    const found = parseHierarchies(mounts);
    expect(found.map(({ folder, version }) => [folder, version])).toEqual([
      ["/sys/fs/cgroup/cpu,cpuacct", 1],
      ["/sys/fs/cgroup/cpuset", 1],
      ["/sys/fs/cgroup/systemd", 1],
      ["/sys/fs/cgroup/unified", 2],
    ]);
    expect(found[1].controllers).toContain("cpuset");
    expect(found[0].controllers).toEqual(expect.arrayContaining(["cpu", "cpuacct"]));
  });

  test("version 2 alone", () => {
    expect(parseHierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n")).toEqual([
      { folder: "/sys/fs/cgroup", version: 2, controllers: [] },
    ]);
  });

  test("a hierarchy that is mounted over itself counts once", () => {
    const line = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
    expect(parseHierarchies(line + line)).toHaveLength(1);
  });
});

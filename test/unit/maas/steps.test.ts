import { describe as describeNotes } from "../../../components/maas/api/ownership";
import type { PowerParameters } from "../../../components/maas/api/power";
import { StepError } from "../../../components/maas/api/step-error";
import { type Machine, Status } from "../../../components/maas/api/types";
import type { Context } from "../../../components/maas/api/wait";
import { bringToReady, type CommissionDesired, commissionStep } from "../../../components/maas/steps/commission";
import { deployStep } from "../../../components/maas/steps/deploy";
import type { DeployDesired } from "../../../components/maas/steps/deployment";
import { digestOf } from "../../../components/maas/steps/digest";
import { type EnlistDesired, type Enlisted, enlistStep } from "../../../components/maas/steps/enlist";
import { othersStep } from "../../../components/maas/steps/others";
import { release } from "../../../components/maas/steps/release";
import { FakeMaas, MAC } from "./fake-maas";
import { connectionError } from "./support";

const { run: deploy, update: verify } = deployStep as Required<typeof deployStep>;
const { remove: withdraw } = enlistStep as Required<typeof enlistStep>;
const { run: commission } = commissionStep;
const enlist = (context: Context, desired: EnlistDesired, power: PowerParameters, previous?: Enlisted) =>
  enlistStep.run(context, desired, previous, power);

const stack = "homelab/test";
const releaseSettings = { erase: false, secureErase: false, quickErase: false, releaseLimit: 600 };
const enlistDesired: EnlistDesired = {
  stack,
  name: "node1",
  macAddresses: [MAC],
  architecture: "amd64",
  powerType: "manual",
  tags: [],
  notes: "",
  eraseForeign: false,
  release: releaseSettings,
};
const commissionDesired: CommissionDesired = {
  name: "node1",
  macAddresses: [MAC],
  commissioningScripts: [],
  testingScripts: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
  repair: { failedCommissioning: "recommission", broken: "refuse", rescue: "refuse" },
  limit: 1800,
};
const deployDesired: DeployDesired = {
  stack,
  name: "node1",
  macAddresses: [MAC],
  incarnation: "1",
  subnet: "192.168.200.0/24",
  interfaces: [],
  ephemeral: false,
  hardwareSync: false,
  userData: "#cloud-config\n",
  lock: false,
  eraseForeign: false,
  failedDeployment: "redeploy",
  limit: 1800,
  commissioning: commissionDesired,
  ...releaseSettings,
};
const own = { "homelab-stack": stack, "homelab-deployment": digestOf(deployDesired) };

/** The operations that were asked for, in order. */
function operations(maas: FakeMaas): string[] {
  return maas.writes.map((each) => /op=(\w+)/.exec(each)?.[1] ?? each.split(" ")[0]);
}

describe("enlistment", () => {
  test("creates a machine that MAAS does not have, without commissioning it", async () => {
    const maas = new FakeMaas();
    const observed = await enlist(maas.context, enlistDesired, { power_address: "10.0.0.1" });
    expect(observed).toMatchObject({ systemId: "m1", hostname: "node1", adopted: false });
    expect(maas.seen.find((each) => each.method === "POST")?.form).toEqual(
      expect.arrayContaining([
        ["mac_addresses", MAC],
        ["commission", "false"],
        ["power_parameters_power_address", "10.0.0.1"],
      ]),
    );
  });

  test("run again changes nothing and says the same", async () => {
    const maas = new FakeMaas();
    const first = await enlist(maas.context, enlistDesired, {});
    const writes = maas.writes.length;
    expect(await enlist(maas.context, enlistDesired, {})).toEqual(first);
    expect(maas.writes).toHaveLength(writes);
  });

  test("makes no second machine when the answer to the creation is lost", async () => {
    const maas = new FakeMaas();
    let lost = false;
    maas.intercept = ({ method }) => {
      if (method !== "POST" || lost) {
        return undefined;
      }
      lost = true;
      maas.add({ hostname: "node1", description: describeNotes("", stack) });
      return connectionError("ECONNRESET");
    };
    expect(await enlist(maas.context, enlistDesired, {})).toMatchObject({ systemId: "m1", adopted: false });
    expect(maas.machines.size).toBe(1);
  });

  test("takes the machine that a killed run's request makes in the meantime", async () => {
    const maas = new FakeMaas();
    maas.intercept = ({ method, path }) => {
      if (method !== "POST" || path !== "machines/") {
        return undefined;
      }
      maas.add({ hostname: "node1", description: describeNotes("", stack) });
      return { status: 400, json: { mac_addresses: [`MAC address ${MAC} already in use on node1.`] } };
    };
    expect(await enlist(maas.context, enlistDesired, {})).toMatchObject({ systemId: "m1", adopted: false });
    expect(maas.machines.size).toBe(1);
  });

  test.each([Status.New, Status.Ready, Status.FailedCommissioning, Status.Broken])(
    "adopts a machine in status %d, and leaves it in MAAS at the end",
    async (status) => {
      const maas = new FakeMaas();
      maas.add({ status });
      const first = await enlist(maas.context, { ...enlistDesired, tags: ["rack-a"] }, {});
      expect(first).toMatchObject({ adopted: true, hostname: "node1", putOn: ["rack-a"] });
      await withdraw(maas.context, { ...enlistDesired, tags: ["rack-a"] }, first);
      expect([...maas.machines.values()]).toMatchObject([{ hostname: "node1", tag_names: [] }]);
    },
  );

  test("takes off what an older step put on, which did not tell that from what was there", async () => {
    const maas = new FakeMaas();
    maas.add({ tag_names: ["by-hand", "rack-a"] });
    const { putOn: _, ...older } = await enlist(maas.context, { ...enlistDesired, tags: ["rack-a"] }, {});
    await withdraw(maas.context, { ...enlistDesired, tags: ["rack-a"] }, older);
    expect([...maas.machines.values()]).toMatchObject([{ tag_names: ["by-hand"] }]);
  });

  test("deletes what it has made", async () => {
    const maas = new FakeMaas();
    await enlist(maas.context, enlistDesired, {});
    await withdraw(maas.context, enlistDesired);
    await withdraw(maas.context, enlistDesired);
    expect(maas.machines.size).toBe(0);
  });

  test("edits power parameters in place, and only when they differ", async () => {
    const maas = new FakeMaas();
    maas.add({ hostname: "node1", power_type: "manual" });
    maas.powerParameters = { power_address: "10.0.0.1", power_pass: "old" };
    await enlist(maas.context, enlistDesired, { power_address: "10.0.0.1", power_pass: "old" });
    expect(maas.writes).toEqual([]);
    await enlist(maas.context, enlistDesired, { power_address: "10.0.0.1", power_pass: "new" });
    expect(maas.writes).toEqual(["PUT machines/m1/"]);
    expect(maas.log.join("\n")).not.toContain("new");
  });

  test("takes for its own a tag that another machine's step makes at the same moment", async () => {
    const maas = new FakeMaas();
    const machine = maas.add({ hostname: "node1", description: describeNotes("", stack) });
    let made = false;
    maas.intercept = ({ method, path }) => {
      if (method === "POST" && path === "tags/") {
        made = true;
        return { status: 400, json: { name: ["Tag with this Name already exists."] } };
      }
      return method === "GET" && path === "tags/a/" && made ? { json: { name: "a", kernel_opts: "", comment: "" } } : undefined;
    };
    await enlist(maas.context, { ...enlistDesired, tags: ["a"] }, {});
    expect(machine.tag_names).toEqual(["a"]);
  });

  test.each([
    ["goes with the last machine that had it", "made by the home lab's stack", [], true],
    ["stays while another machine has it", "made by the home lab's stack", [{ system_id: "m2" }], false],
    ["stays where somebody else made it", "by hand", [], false],
  ])("a tag %s", async (_what, comment, nodes, goes) => {
    const maas = new FakeMaas();
    maas.add({ hostname: "node1", tag_names: ["a"], description: describeNotes("", stack) });
    maas.intercept = ({ method, path }) =>
      method === "GET" && path.startsWith("tags/a/")
        ? { json: path.includes("op=nodes") ? nodes : { name: "a", comment, definition: "" } }
        : undefined;
    await withdraw(maas.context, { ...enlistDesired, tags: ["a"] });
    expect(maas.writes.includes("DELETE tags/a/")).toBe(goes);
  });

  test("puts on tags and takes off those it had put on", async () => {
    const maas = new FakeMaas();
    const machine = maas.add({ hostname: "node1", tag_names: ["by-hand"] });
    const first = await enlist(maas.context, { ...enlistDesired, tags: ["a", "b"] }, {});
    await enlist(maas.context, { ...enlistDesired, tags: ["b"] }, {}, first);
    expect(machine.tag_names).toEqual(["by-hand", "b"]);
  });

  test("refuses to touch what somebody else has deployed, and says how to give it up", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Deployed, owner: "alice" });
    const error = (await enlist(maas.context, enlistDesired, {}).catch((each: unknown) => each)) as StepError;
    expect(error).toBeInstanceOf(StepError);
    expect(error.format()).toMatch(/Deployed, by hand \(owner alice\).*\n.*machine release m1.*eraseForeign/);
    expect(maas.writes).toEqual([]);
    await enlist(maas.context, { ...enlistDesired, eraseForeign: true }, {});
  });
});

describe("commissioning", () => {
  test.each([Status.New, Status.FailedCommissioning])("takes a machine from status %d to Ready", async (status) => {
    const maas = new FakeMaas();
    maas.add({ status });
    expect(await commission(maas.context, commissionDesired)).toMatchObject({ commissioning: "Passed" });
    expect(operations(maas)).toEqual(["commission"]);
  });

  describe("after failed tests", () => {
    const failed = (repair: Partial<CommissionDesired["repair"]>) => {
      const maas = new FakeMaas();
      maas.add({ status: Status.FailedTesting });
      return { maas, run: () => commission(maas.context, { ...commissionDesired, repair: { ...commissionDesired.repair, ...repair } }) };
    };

    test.each([{}, { failedCommissioning: "refuse", failedTesting: "recommission" }] as const)(
      "clears them and tests again, where that is the repair: %j",
      async (repair) => {
        const { maas, run } = failed(repair);
        expect(await run()).toMatchObject({ commissioning: "Passed" });
        expect(operations(maas)).toEqual(["override_failed_testing", "commission"]);
      },
    );

    test("uses the machine untested where they are to be ignored, also those of its own run", async () => {
      const { maas, run } = failed({ failedTesting: "ignore" });
      await run();
      expect(operations(maas)).toEqual(["override_failed_testing"]);
      const fresh = new FakeMaas();
      fresh.add({ status: Status.New });
      fresh.follows[Status.Commissioning] = [Status.FailedTesting, 30_000];
      await commission(fresh.context, { ...commissionDesired, repair: { ...commissionDesired.repair, failedTesting: "ignore" } });
      expect(operations(fresh)).toEqual(["commission", "override_failed_testing"]);
    });

    test("refuses, with the setting and the command that lead on", async () => {
      const { maas, run } = failed({ failedTesting: "refuse" });
      await expect(run()).rejects.toMatchObject({
        fix: expect.stringMatching(/homelab:maas.repair.failedTesting: recommission.*override-failed-testing m1/),
      });
      expect(maas.writes).toEqual([]);
    });

    test("fails once the tests have failed again", async () => {
      const { maas, run } = failed({ failedTesting: "recommission" });
      maas.follows[Status.Commissioning] = [Status.FailedTesting, 30_000];
      await expect(run()).rejects.toThrow("Failed testing");
      expect(operations(maas)).toEqual(["override_failed_testing", "commission"]);
    });
  });

  test("waits for one that runs already, and leaves a Ready machine alone", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Commissioning });
    await commission(maas.context, commissionDesired);
    await commission(maas.context, commissionDesired);
    expect(maas.writes).toEqual([]);
  });

  test("fails once its own run has failed, with the script's output", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.New });
    maas.follows[Status.Commissioning] = [Status.FailedCommissioning, 30_000];
    maas.intercept = ({ path }) =>
      path.includes("current-commissioning")
        ? {
            json: {
              results: [
                {
                  name: "45-setup",
                  status: 3,
                  status_name: "Failed",
                  exit_status: 4,
                  output: Buffer.from("no such disk\n").toString("base64"),
                },
              ],
            },
          }
        : undefined;
    const error = (await commission(maas.context, commissionDesired).catch((each: unknown) => each)) as StepError;
    expect(error.format()).toMatch(/Failed commissioning[\s\S]*45-setup: Failed \(exit status 4\)[\s\S]*no such disk[\s\S]*what to do: /);
    expect(operations(maas)).toEqual(["commission"]);
  });

  test("runs again when a script that is wanted has a newer revision", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Ready });
    let revision = 5;
    maas.intercept = ({ path }) =>
      path.startsWith("scripts/")
        ? { json: { history: [{ id: 3 }, { id: revision }] } }
        : path.includes("/results/")
          ? {
              json: {
                results: [
                  { name: "45-setup", status: 2, script_revision_id: 5, parameters: { load: { value: "low" }, disks: { value: {} } } },
                ],
              },
            }
          : undefined;
    const desired = {
      ...commissionDesired,
      commissioningScripts: ["45-setup"],
      parameters: { "45-setup_load": "low", "45-setup_disks": "all" },
    };
    await commission(maas.context, desired);
    // What only says how to commission changes nothing now.
    await commission(maas.context, { ...desired, skipNetworking: true });
    expect(maas.writes).toEqual([]);
    await commission(maas.context, { ...desired, parameters: { "45-setup_load": "high" } });
    expect(operations(maas)).toEqual(["commission"]);
    revision = 6;
    await commission(maas.context, desired);
    expect(operations(maas)).toEqual(["commission", "commission"]);
  });

  test("refuses a broken machine with the command that repairs it, or repairs it where the settings say so", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Broken, error_description: "fan" });
    await expect(commission(maas.context, commissionDesired)).rejects.toThrow(/marked Broken: fan/);
    expect(maas.writes).toEqual([]);
    await commission(maas.context, { ...commissionDesired, repair: { ...commissionDesired.repair, broken: "fix" } });
    expect(operations(maas)[0]).toBe("mark_fixed");
  });

  test("gives up at the limit and names the setting", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.New });
    maas.follows = {};
    await expect(commission(maas.context, { ...commissionDesired, limit: 120 })).rejects.toMatchObject({
      message: expect.stringContaining("within 2 min"),
      fix: expect.stringContaining("homelab:maas.waits.commission"),
    });
  });

  test("prompts for the power button where MAAS cannot switch the power", async () => {
    const maas = new FakeMaas();
    const machine = maas.add({ status: Status.New, power_type: "manual" });
    await bringToReady(maas.context, machine, { ...commissionDesired, powerPrompt: "press the button at the front" });
    expect(maas.log.filter((line) => line.includes("press the button")).length).toBeGreaterThan(1);
  });
});

describe("deployment", () => {
  const ready = (maas: FakeMaas, fields: Partial<Machine> = {}) =>
    maas.add({ status: Status.Ready, commissioning_status_name: "Passed", ...fields });

  test("allocates exactly this machine, deploys and reports its address", async () => {
    const maas = new FakeMaas();
    ready(maas);
    const observed = await deploy(maas.context, deployDesired);
    expect(observed).toEqual({
      systemId: "m1",
      hostname: "found",
      address: "192.168.200.11",
      osystem: "ubuntu",
      release: "noble",
      kernel: "ga-24.04",
    });
    expect(operations(maas)).toEqual(["link_subnet", "allocate", "set_owner_data", "deploy", "set_owner_data"]);
    const sent = maas.seen.find((each) => each.path.includes("op=deploy"))?.form ?? [];
    expect(Object.fromEntries(sent).user_data).toBe(Buffer.from(deployDesired.userData).toString("base64"));
  });

  test("sends user data in the form that leaves MAAS its own, and knows the machine as deployed by the plain one", async () => {
    const maas = new FakeMaas();
    ready(maas);
    await deploy(maas.context, { ...deployDesired, sentUserData: "MIME-Version: 1.0\n" });
    const sent = maas.seen.find((each) => each.path.includes("op=deploy"))?.form ?? [];
    expect(Buffer.from(Object.fromEntries(sent).user_data as string, "base64").toString()).toBe("MIME-Version: 1.0\n");
    expect(await verify(maas.context, deployDesired)).toMatchObject({ systemId: "m1" });
  });

  test("gives the boot interface the fixed address before", async () => {
    const maas = new FakeMaas();
    ready(maas);
    expect(await deploy(maas.context, { ...deployDesired, address: "192.168.200.42" })).toMatchObject({ address: "192.168.200.42" });
  });

  test("a fixed address that commissioning saw on the card is freed before it is linked", async () => {
    const maas = new FakeMaas();
    const machine = ready(maas);
    Object.assign(machine.interface_set[0], { discovered: [{ ip_address: "192.168.200.42" }] });
    await deploy(maas.context, { ...deployDesired, address: "192.168.200.42" });
    expect(operations(maas).slice(1, 3)).toEqual(["disconnect", "link_subnet"]);
    expect(maas.seen.find((each) => each.path.includes("op=link_subnet"))?.form).toContainEqual(["force", "true"]);
  });

  test("an address that something else has is refused with its holder", async () => {
    const maas = new FakeMaas();
    ready(maas);
    maas.intercept = ({ path }) =>
      path.includes("op=link_subnet")
        ? { status: 404, text: "IP address is already in use." }
        : path.includes("op=ip_addresses")
          ? { json: [{ ip: "192.168.200.42", alloc_type: 4, dns_records: [{ name: "www", domain: "lab" }] }] }
          : undefined;
    await expect(deploy(maas.context, { ...deployDesired, address: "192.168.200.42" })).rejects.toMatchObject({
      message: expect.stringMatching(/192.168.200.42: MAAS has it in use \(DNS record www.lab\)/),
      fix: expect.stringContaining("ipaddresses release ip=192.168.200.42"),
    });
  });

  describe("what an earlier deployment had set", () => {
    const mark = (shape: string) => `[${shape} set by Pulumi stack ${stack}]`;

    test("goes back to MAAS's default where this one does not want it, and is noted no longer", async () => {
      const maas = new FakeMaas();
      const machine = ready(maas, { description: ["by hand", mark("network"), mark("disks")].join("\n") });
      await deploy(maas.context, deployDesired);
      expect(operations(maas).slice(0, 3)).toEqual(["restore_default_configuration", "PUT", "link_subnet"]);
      expect(machine.description).toBe("by hand");
    });

    test("stays where it is wanted again, and only the rest goes", async () => {
      const maas = new FakeMaas();
      const machine = ready(maas, { description: [mark("address"), mark("disks")].join("\n") });
      await deploy(maas.context, { ...deployDesired, address: "192.168.200.42" });
      expect(operations(maas).slice(0, 2)).toEqual(["restore_storage_configuration", "PUT"]);
      expect(machine.description).toBe(mark("address"));
    });

    test("is noted at the release of one from before there were notes", async () => {
      const maas = new FakeMaas();
      const machine = maas.add({ status: Status.Deployed, owner_data: { ...own } });
      await release(maas.context, { ...deployDesired, storage: { layout: "lvm" } });
      expect(machine.description).toBe(mark("disks"));
    });

    test("survives a change of the notes, and goes when the machine leaves the stack", async () => {
      const maas = new FakeMaas();
      const machine = ready(maas, { hostname: "node1", description: mark("network") });
      await enlist(maas.context, { ...enlistDesired, notes: "in the cellar" }, {});
      expect(machine.description).toBe(`in the cellar\n${mark("network")}`);
      await withdraw(maas.context, { ...enlistDesired, notes: "in the cellar" });
      expect(operations(maas).slice(-2)).toEqual(["restore_networking_configuration", "PUT"]);
      expect(machine.description).toBe("in the cellar");
    });
  });

  const calls = ["op=link_subnet", "op=allocate", "op=set_owner_data", "op=deploy", "events/"];
  test.each(
    calls.flatMap((call) => [
      [call, "before"],
      [call, "after"],
    ]),
  )("killed at %s, %s MAAS did it, is finished by the next run with nothing done twice", async (call, when) => {
    const maas = new FakeMaas();
    ready(maas);
    let killed = false;
    maas.intercept = (seen) => {
      if (!killed && seen.path.includes(call)) {
        killed = true;
        if (when === "after") {
          maas.answer(seen);
        }
      }
      return killed ? new Error("killed") : undefined;
    };
    await expect(deploy(maas.context, deployDesired)).rejects.toThrow("killed");
    const done = when === "after" || call === "events/" ? 1 : 0;
    const before = operations(maas).filter((each) => each === "deploy").length && done;
    const seenBefore = maas.seen.length;
    maas.intercept = () => undefined;
    expect(await deploy(maas.context, deployDesired)).toMatchObject({ address: "192.168.200.11" });
    const after = maas.seen.slice(seenBefore).filter((each) => each.path.includes("op=deploy")).length;
    expect(before + after).toBe(1);
    expect(maas.machines.size).toBe(1);
  });

  test("goes on with its own deployment, and is done with a finished one", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Deploying, owner: "admin", owner_data: { ...own }, ip_addresses: ["192.168.200.11"] });
    await deploy(maas.context, deployDesired);
    expect(operations(maas)).toEqual(["set_owner_data"]);
    await deploy(maas.context, deployDesired);
    expect(operations(maas)).toEqual(["set_owner_data"]);
  });

  test("releases an earlier, unfinished attempt of its own that had other contents", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Deploying, owner: "admin", owner_data: { ...own, "homelab-deployment": "other" } });
    await deploy(maas.context, deployDesired);
    expect(operations(maas)).toEqual(["release", "link_subnet", "allocate", "set_owner_data", "deploy", "set_owner_data"]);
  });

  test.each([
    ["a finished deployment that the state knows nothing of", { ...own, "homelab-deployment": "other", "homelab-finished": "true" }],
    ["another stack's", { "homelab-stack": "homelab/other" }],
    ["one made by hand", {}],
  ])("erases nothing that is %s, unless it is named", async (_what, owner_data) => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Deployed, owner: "admin", owner_data: owner_data as unknown as Record<string, string> });
    await expect(deploy(maas.context, deployDesired)).rejects.toMatchObject({ fix: expect.stringContaining("eraseForeign") });
    expect(maas.writes).toEqual([]);
    await deploy(maas.context, { ...deployDesired, eraseForeign: true });
    expect(operations(maas)[0]).toBe("release");
  });

  test("leaves a machine that somebody else has allocated", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Allocated, owner: "alice" });
    await expect(deploy(maas.context, deployDesired)).rejects.toThrow(/by alice, by hand/);
    expect(maas.writes).toEqual([]);
  });

  test("prints the installation's log when it fails, and deploys anew at the next run", async () => {
    const maas = new FakeMaas();
    ready(maas);
    maas.follows[Status.Deploying] = [Status.FailedDeployment, 60_000];
    maas.intercept = ({ path }) =>
      path.includes("current-installation")
        ? {
            json: {
              results: [
                { name: "/tmp/install.log", status: 3, status_name: "Failed", output: Buffer.from("curtin: no space").toString("base64") },
              ],
            },
          }
        : undefined;
    const error = (await deploy(maas.context, deployDesired).catch((each: unknown) => each)) as StepError;
    expect(error.format()).toMatch(/curtin: no space[\s\S]*maas \$PROFILE node-script-result download m1 current-installation/);
    maas.follows[Status.Deploying] = [Status.Deployed, 60_000];
    await deploy(maas.context, deployDesired);
    expect(operations(maas).filter((each) => each === "deploy")).toHaveLength(2);
  });

  test("an update only looks, and tells of a machine that was released by hand", async () => {
    const maas = new FakeMaas();
    const machine = maas.add({
      status: Status.Deployed,
      owner_data: { ...own, "homelab-finished": "true" },
      ip_addresses: ["192.168.200.11"],
    });
    await verify(maas.context, deployDesired);
    machine.status = Status.Ready;
    machine.owner_data = {};
    await expect(verify(maas.context, deployDesired)).rejects.toMatchObject({
      fix: expect.stringContaining("--replace '**::node1-incarnation'"),
    });
    expect(maas.writes).toEqual([]);
  });

  test("a release that failed at switching the machine off is told of, and finished by the next deployment", async () => {
    const maas = new FakeMaas();
    maas.add({ status: Status.Deployed, owner: "admin", owner_data: { ...own, "homelab-finished": "true" }, osystem: "", netboot: true });
    await expect(verify(maas.context, deployDesired)).rejects.toThrow(/could not switch it off/);
    await deploy(maas.context, deployDesired);
    expect(operations(maas)[0]).toBe("release");
  });

  test("a waiting machine costs fewer than ten requests a minute while nothing changes", async () => {
    const maas = new FakeMaas();
    ready(maas);
    const times: number[] = [];
    maas.follows[Status.Deploying] = [Status.Deployed, 1_200_000];
    maas.intercept = () => {
      times.push(maas.clock.now());
      return undefined;
    };
    await deploy(maas.context, deployDesired);
    const start = times[0] + 70_000;
    const waited = (times[times.length - 1] - start) / 60_000;
    expect(times.filter((each) => each >= start).length / waited).toBeLessThan(10);
  });
});

describe("release", () => {
  test("gives back what this stack deployed, and waits until it is Ready", async () => {
    const maas = new FakeMaas();
    const machine = maas.add({ status: Status.Deployed, owner_data: { ...own } });
    await release(maas.context, { ...deployDesired, erase: true });
    expect(machine.status).toBe(Status.Ready);
    await release(maas.context, deployDesired);
    expect(operations(maas)).toEqual(["release"]);
  });

  test.each([{}, { "homelab-stack": "homelab/other" }])("leaves alone what is not its own: %j", async (owner_data) => {
    const maas = new FakeMaas();
    const machine = maas.add({ status: Status.Deployed, owner_data: owner_data as unknown as Record<string, string> });
    await release(maas.context, deployDesired);
    expect(machine.status).toBe(Status.Deployed);
  });

  test("somebody has to switch on a machine with manual power whose disks are to be erased", async () => {
    const prompts = async (erase: boolean) => {
      const maas = new FakeMaas();
      maas.add({ status: Status.Deployed, owner_data: { ...own } });
      await release(maas.context, { ...deployDesired, erase });
      return maas.log.filter((line) => /by hand, to boot from the network: MAAS erases/.test(line)).length;
    };
    expect(await prompts(true)).toBeGreaterThan(0);
    expect(await prompts(false)).toBe(0);
  });

  test("a machine that MAAS no longer has is released", async () => {
    const maas = new FakeMaas();
    await release(maas.context, deployDesired);
    expect(maas.writes).toEqual([]);
  });
});

test("other machines are those that MAAS has deployed beside the stack's, with the tag if one is asked for", async () => {
  const maas = new FakeMaas();
  maas.add({ hostname: "node1", status: Status.Deployed, ip_addresses: ["10.0.0.1"], tag_names: [] });
  maas.add({ hostname: "nas", status: Status.Deployed, ip_addresses: ["fd00::2", "10.0.0.2"], tag_names: ["watched"] });
  maas.add({ hostname: "spare", status: Status.Ready, ip_addresses: ["10.0.0.3"], tag_names: ["watched"] });
  maas.add({ hostname: "printer", status: Status.Deployed, ip_addresses: ["10.0.0.4"], tag_names: [] });
  const found = async (tag?: string) =>
    (await othersStep.run(maas.context, { known: ["node1"], tag })).map(({ name, address }) => `${name} ${address}`);
  expect(await found()).toEqual(["nas 10.0.0.2", "printer 10.0.0.4"]);
  expect(await found("watched")).toEqual(["nas 10.0.0.2"]);
  expect(await found("nobody-has-it")).toEqual([]);
  expect(maas.writes).toEqual([]);
});

import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Machine } from "../../../components/maas/api/types";
import { ForgeServer } from "../../support/forge-server";
import { type Event, type Run, type RunOptions, Workplace } from "../../support/workplace";
import { MachinesStacks, secrets } from "./machines-stack";

jest.setTimeout(1_800_000);

/** `deploy.yml` and `drift.yml`, every job, run by act with the real `./lab` on stacks that they really deploy. */
describe("the main branch", () => {
  let place: Workplace;
  let forge: ForgeServer;
  let stacks: MachinesStacks;
  const logs: string[] = [];

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create(), ForgeServer.start()]);
    forge.mayWrite.add(secrets.GITHUB_TOKEN);
    stacks = await MachinesStacks.create(place, ["lab", "vm"]);
  });
  afterAll(async () => {
    await stacks?.close();
    await forge?.close();
    await place?.close();
  });

  const push: Event = { name: "push", payload: { ref: "refs/heads/main" } };
  const dispatch: Event = { name: "workflow_dispatch", payload: {} };
  const nightly: Event = { name: "schedule", payload: { schedule: "17 2 * * *" } };
  const run = async (file: string, event: Event, options: Partial<RunOptions> & { stacks?: string[] } = {}): Promise<Run> => {
    const { power: _, ...given } = secrets;
    const { stacks: names = ["lab"], ...rest } = options;
    const variables = { LAB_STACKS: JSON.stringify(names), LAB_BACKEND_URL: `file://${stacks.backend}` };
    const done = await place.run(file, event, { at: stacks.main, api: forge.url, secrets: given, variables, ...rest });
    logs.push(done.log);
    return done;
  };
  /** The commit that main has after a change to a stack's settings. */
  const merged = (parent: string, edit: (config: any) => void, stack = "lab") =>
    place.commit(parent, "refs/heads/main", (folder) => Workplace.settings(folder, stack, edit));
  const noted = (parent: string, notes: string) =>
    merged(parent, (config) => {
      config["homelab:machines"][1].notes = notes;
    });
  const both: Run["jobs"] = { plan: "success", apply: "success" };
  const refused: Run["jobs"] = { plan: "success", apply: "failure" };
  const ended = ({ jobs, log }: Run, expected: Run["jobs"]) => {
    expect([jobs, JSON.stringify(jobs) === JSON.stringify(expected) ? "" : log.slice(-6000)]).toEqual([expected, ""]);
  };
  const planFile = () => path.join(place.artifacts, "plan-lab", "plan.json");
  const recorded = () => place.git("ls-remote", "origin", "refs/lab/recordings/*");

  it("opens no issue about drift before the lab is up: nothing could be compared", async () => {
    for (const event of [nightly, dispatch]) {
      ended(await run("drift.yml", event), { drift: "failure" });
    }
    expect(forge.issues).toEqual([]);
  });

  it("is planned, applied and recorded, stack after stack, and open pull requests are told", async () => {
    forge.pulls = [{ number: 5, state: "open", head: { sha: "a".repeat(40), repo: { full_name: "ann/lab" } }, labels: [] }];
    const body = "<!-- homelab-report -->\n<!-- homelab-head:a -->\nold";
    forge.comments.set(5, [{ id: 1, body, user: { login: "github-actions[bot]", type: "Bot" } }]);
    ended(await run("deploy.yml", push), both);
    const deployed = { status_name: "Deployed", osystem: "ubuntu" };
    expect(await stacks.machines()).toMatchObject({ node1: deployed, node2: deployed });
    expect(await recorded()).toMatch(/recordings\/lab$/);
    expect(forge.comments.get(5)?.[0].body).toContain("> **Out of date:** a stack has changed since.");
    ended(await run("drift.yml", dispatch), { drift: "success" });
    expect(forge.issues).toEqual([]);
  });

  it("is made whole by the next run where the first was cut off in the middle of its apply", async () => {
    const seen = async () => Object.values(await stacks.machines("vm"));
    let over = false;
    const inTheMiddle = (async () => {
      while (!over && (await seen()).every(({ status_name }) => status_name === "New")) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const cut = await run("deploy.yml", push, { stacks: ["vm"], powerCut: inTheMiddle });
    over = true;
    expect(cut.jobs).toEqual({ plan: "success" });
    expect((await seen()).length).toBeGreaterThan(0);
    expect(await recorded()).not.toMatch(/recordings\/vm$/m);
    ended(await run("deploy.yml", dispatch, { stacks: ["vm"] }), both);
    expect((await seen()).map(({ status_name }) => status_name)).toEqual(["Deployed", "Deployed"]);
    ended(await run("drift.yml", nightly, { stacks: ["vm"] }), { drift: "success" });
  });

  it("applies no plan that is not the one that was made: of another commit, or tampered with", async () => {
    const other = await fs.readFile(planFile(), "utf8");
    const first = await noted(stacks.main, "on the shelf");
    const swapped = await run("deploy.yml", push, { at: first, meanwhile: () => fs.writeFile(planFile(), other) });
    ended(swapped, refused);
    expect(swapped.log).toMatch(/the plan was made for another (stack|commit)/);
    const tampered = await run("deploy.yml", push, {
      at: first,
      meanwhile: async () => fs.writeFile(planFile(), (await fs.readFile(planFile(), "utf8")).replace("on the shelf", "at Mallory's")),
    });
    ended(tampered, refused);
    expect(tampered.log).toContain("changed since it was saved");
    expect((await stacks.machines()).node2.notes).not.toMatch(/shelf|Mallory/);
  });

  it("applies the newest of what runs at the same time, and refuses the plans that it has overtaken, of a merge and by hand", async () => {
    const first = await noted(stacks.main, "first");
    const second = await noted(first, "second");
    let [newest, byHand]: (Run | undefined)[] = [];
    const merged = await run("deploy.yml", push, {
      at: first,
      meanwhile: async () => {
        byHand = await run("deploy.yml", dispatch, {
          at: first,
          runner: "another",
          meanwhile: async () => {
            newest = await run("deploy.yml", push, { at: second, runner: "third" });
          },
        });
      },
    });
    ended(newest as Run, both);
    for (const overtaken of [merged, byHand as Run]) {
      ended(overtaken, refused);
      expect(overtaken.log).toContain("the plan was made for another state");
    }
    expect((await stacks.machines()).node2.notes).toBe("second");
  });

  describe("with a change that loses data", () => {
    let at: string;
    let lines: string[] = [];
    beforeAll(async () => {
      at = await merged(stacks.main, (config) => {
        config["homelab:machines"][1].notes = "second";
        config["homelab:machines"][1].release = "jammy";
      });
    });
    const labelled = (...labels: string[]) => {
      const head = { sha: "b".repeat(40), repo: { full_name: "ann/lab" } };
      forge.pulls = [{ number: 6, state: "closed", head, labels: labels.map((name) => ({ name })) }];
      forge.merged.set(at, 6);
    };

    it("is not even planned without the label of its pull request", async () => {
      labelled("bug");
      for (const event of [push, dispatch]) {
        const done = await run("deploy.yml", event, { at });
        ended(done, { plan: "failure" });
        expect(done.log).toContain("this change loses data, and its pull request has no label 'destructive'");
      }
    });

    it("is not planned with the label either where the stack file does not consent; the report says how it would", async () => {
      labelled("destructive");
      const done = await run("deploy.yml", push, { at });
      ended(done, { plan: "failure" });
      expect(done.log).toContain("this change loses data, and the stack file does not consent to it");
      lines = /homelab:consent:\s*\n[^\n]*?(node2): "([0-9a-f]{8})"/.exec(done.log)?.slice(1) ?? [];
      expect(lines).toEqual(["node2", expect.any(String)]);
    });

    it("is applied with both", async () => {
      at = await merged(at, (config) => {
        config["homelab:consent"] = { [lines[0]]: lines[1] };
      });
      labelled("destructive");
      const redeployed = async () =>
        (await stacks.lab().context().client.get<Machine[]>("machines/", { hostname: "node2" }))[0].distro_series;
      expect(await redeployed()).toBe("noble");
      ended(await run("deploy.yml", push, { at }), both);
      expect(await redeployed()).toBe("jammy");
    });
  });

  it("is not applied where it cannot be previewed", async () => {
    const at = await merged(stacks.main, (config) => {
      config["homelab:machines"][1].address = "10.0.0.1";
    });
    for (const event of [push, dispatch]) {
      ended(await run("deploy.yml", event, { at }), { plan: "failure" });
    }
  });

  it("is compared every night, and by hand: one issue a stack, edited while it lasts, closed when all is well", async () => {
    const { client } = stacks.lab("vm").context();
    const [{ system_id: id }] = await client.get<Machine[]>("machines/", { hostname: "node2" });
    const issues = () => forge.issues.map(({ title, state, labels }) => [title, state, ...labels]);
    await client.put(`machines/${id}/`, { hostname: "renamed" });
    ended(await run("drift.yml", nightly, { stacks: ["vm"] }), { drift: "success" });
    ended(await run("drift.yml", dispatch, { stacks: ["vm"] }), { drift: "success" });
    expect(issues()).toEqual([["Drift of vm", "open", "drift"]]);
    expect(forge.issues[0].body).toMatch(/^```\n[\s\S]*node2[\s\S]*renamed[\s\S]*\n```\n$/);
    await client.put(`machines/${id}/`, { hostname: "node2" });
    ended(await run("drift.yml", nightly, { stacks: ["vm"] }), { drift: "success" });
    expect(issues()).toEqual([["Drift of vm", "closed", "drift"]]);
  });

  it("leaves no secret in logs, artefacts, comments, issues or recordings", async () => {
    await place.git("fetch", "--quiet", "origin", "+refs/lab/*:refs/lab/*");
    const recordings = await Promise.all(["lab", "vm"].map((stack) => place.gunzipped(`refs/lab/recordings/${stack}:recording`)));
    const left = [...logs, ...recordings, await fs.readFile(planFile(), "utf8"), JSON.stringify([...forge.comments, forge.issues])];
    expect([logs.length > 12, recordings.every((text) => text.includes("node2-deployment"))]).toEqual([true, true]);
    const keys = ["lab", "vm"].map((name) => stacks.lab(name).simulator.adminApiKey());
    expect([...Object.values(secrets), ...keys].filter((canary) => left.some((text) => text.includes(canary)))).toEqual([]);
  });
});

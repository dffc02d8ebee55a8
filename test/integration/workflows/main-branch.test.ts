import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ForgeServer } from "../../support/forge-server";
import { type Event, Workplace } from "../../support/workplace";

jest.setTimeout(900_000);

const secrets = { GITHUB_TOKEN: "canary-token-0001", PULUMI_CONFIG_PASSPHRASE: "canary-passphrase-0002" };
const recording = path.resolve(__dirname, "../../fixtures/recordings/sim.recording");

/**
 * The workflows of the main branch, every job, run by act. What needs a lab that is up is answered by a script in the place of
 * `./lab`; what talks to the forge or to git is the real one.
 */
describe("the main branch", () => {
  let place: Workplace;
  let forge: ForgeServer;
  let main: string;
  const logs: string[] = [];

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create(), ForgeServer.start()]);
    forge.mayWrite.add(secrets.GITHUB_TOKEN);
    main = await place.commit(place.main, "refs/heads/main", async (folder) => {
      await fs.rename(path.join(folder, "lab"), path.join(folder, "real-lab"));
      // By its path: the front door finds the checkout by its own name.
      const script = `#!/bin/bash
echo "$(id -un) $*" >> ${place.folder}/work/asked
case "$1 $2" in
  forge*|"record --from") exec ./real-lab "$@" ;;
  report*) echo "what would happen" > report.md; echo plan > plan.json; exit "$(cat ${place.folder}/work/report)" ;;
  drift*) echo "node2 is off"; [ "$(cat ${place.folder}/work/drift)" = 2 ] || echo '{}' > drift.json; exit "$(cat ${place.folder}/work/drift)" ;;
  up*) mkdir -p "$HOME/.cache/cloud-native-home-lab"; (umask 077; echo built > "$HOME/.cache/cloud-native-home-lab/made"); exit "$(cat ${place.folder}/work/up)" ;;
  record*) [ "$4" != --output ] || cp recording.fixture "$5" ;;
esac
`;
      await fs.writeFile(path.join(folder, "lab"), script, { mode: 0o755 });
      await fs.copyFile(recording, path.join(folder, "recording.fixture"));
      await fs.writeFile(path.join(folder, ".ci", "run"), `#!/bin/sh\necho "tested by $(id -un) with CI=$CI"\n`, { mode: 0o755 });
    });
  });
  afterAll(async () => {
    await forge?.close();
    await place?.close();
  });

  const answers = async (given: { report?: number; drift?: number; up?: number }) => {
    const all = { report: 0, drift: 0, up: 0, ...given };
    await Promise.all(Object.entries(all).map(([name, code]) => fs.writeFile(path.join(place.folder, "work", name), String(code))));
    // Root and the runner's user both add to it.
    await fs.writeFile(path.join(place.folder, "work", "asked"), "");
    await fs.chmod(path.join(place.folder, "work", "asked"), 0o666);
  };
  const asked = async () => (await fs.readFile(path.join(place.folder, "work", "asked"), "utf8")).trim().split("\n");
  const run = async (file: string, event: Event) => {
    const done = await place.run(file, event, { at: main, api: forge.url, secrets, variables: { LAB_STACKS: '["lab", "vm"]' } });
    logs.push(done.log);
    return done;
  };
  const push: Event = { name: "push", payload: { ref: "refs/heads/main" } };

  it("is planned, applied and recorded, stack after stack, and open pull requests are told", async () => {
    await answers({});
    forge.pulls = [{ number: 5, state: "open", head: { sha: "a".repeat(40), repo: { full_name: "ann/lab" } }, labels: [] }];
    forge.comments.set(5, [
      { id: 1, body: "<!-- homelab-report -->\n<!-- homelab-head:a -->\nold", user: { login: "github-actions[bot]", type: "Bot" } },
    ]);
    const { jobs, code, log } = await run("deploy.yml", push);
    expect([jobs, code === 0 ? "" : log.slice(-4000)]).toEqual([{ plan: "success", apply: "success" }, ""]);
    const said = await asked();
    for (const stack of ["lab", "vm"]) {
      expect(said).toContain(`runner report --stack ${stack} --markdown report.md --json report.json --save-plan plan.json`);
      expect(said).toContain(`runner up --stack ${stack} --plan plan.json`);
      expect(said).toContain(`runner record --stack ${stack} --push origin`);
    }
    expect(forge.comments.get(5)?.[0].body).toContain("> **Out of date:** a stack has changed since.");
  });

  it.each([
    ["loses data without a label", 3, [], { plan: "failure" }],
    ["loses data with the label of its pull request", 3, ["destructive"], { plan: "success", apply: "success" }],
    ["cannot be previewed", 1, ["destructive"], { plan: "failure" }],
  ])("that %s is applied or not", async (_, report, labels, jobs) => {
    await answers({ report });
    forge.pulls = [
      {
        number: 6,
        state: "closed",
        head: { sha: "b".repeat(40), repo: { full_name: "ann/lab" } },
        labels: labels.map((name) => ({ name })),
      },
    ];
    forge.merged.set(main, 6);
    const done = await run("deploy.yml", push);
    expect([done.jobs, (await asked()).some((line) => line.includes(" up "))]).toEqual([jobs, "apply" in jobs]);
  });

  it("is recorded also where it could be applied in part only", async () => {
    await answers({ up: 1 });
    const { jobs } = await run("deploy.yml", { name: "workflow_dispatch", payload: {} });
    expect(jobs).toEqual({ plan: "success", apply: "failure" });
    expect(await asked()).toContain("runner record --stack lab --push origin");
  });

  it("is compared every night: one issue a stack, closed when all is well, none without a comparison", async () => {
    const nightly: Event = { name: "schedule", payload: { schedule: "17 2 * * *" } };
    await answers({ drift: 1 });
    expect((await run("drift.yml", nightly)).jobs).toEqual({ drift: "success" });
    const issues = () => forge.issues.map(({ title, state, labels }) => [title, state, ...labels]).sort();
    expect(issues()).toEqual([
      ["Drift of lab", "open", "drift"],
      ["Drift of vm", "open", "drift"],
    ]);
    expect(forge.issues[0].body).toBe("```\nnode2 is off\n```\n");
    await answers({ drift: 2 });
    expect((await run("drift.yml", nightly)).jobs).toEqual({ drift: "failure" });
    expect(issues()).toHaveLength(2);
    await answers({ drift: 0 });
    expect((await run("drift.yml", nightly)).jobs).toEqual({ drift: "success" });
    expect(issues().map(([, state]) => state)).toEqual(["closed", "closed"]);
  });

  it("brings up the embedded lab, takes it down, leaves a cache that can be saved, and keeps the recording", async () => {
    await answers({});
    const done = await run("embedded.yml", { name: "schedule", payload: { schedule: "43 3 * * *" } });
    expect([done.jobs, done.code === 0 ? "" : done.log.slice(-4000)]).toEqual([{ sim: "success", record: "success" }, ""]);
    expect(await asked()).toEqual(
      expect.arrayContaining([
        "root up",
        "root record --stack sim --output sim.recording",
        "root down",
        "runner record --from sim.recording --push origin",
      ]),
    );
    expect(await place.git("ls-remote", "origin", "refs/lab/recordings/sim")).toMatch(/refs\/lab\/recordings\/sim$/);
    expect(await place.unreadable()).toEqual([]);
  });

  it("and the embedded lab with it go on to a pull request's head where a label asks for that, down also after a failure", async () => {
    const pull = (labels: string[]): Event => ({
      name: "pull_request",
      payload: {
        action: "labeled",
        pull_request: {
          number: 1,
          base: { sha: main },
          head: { sha: main, repo: { full_name: "ann/lab" } },
          labels: labels.map((name) => ({ name })),
        },
      },
    });
    await answers({});
    expect((await run("embedded.yml", pull(["bug"]))).jobs).toEqual({});
    expect((await run("embedded.yml", pull(["bring-up"]))).jobs).toEqual({ sim: "success" });
    expect((await asked()).filter((line) => line === "root up")).toHaveLength(2);
    await answers({ up: 1 });
    expect((await run("embedded.yml", pull(["bring-up"]))).jobs).toEqual({ sim: "failure" });
    expect(await asked()).toContain("root down");
    expect(await place.unreadable()).toEqual([]);
  });

  it("is tested as root with the runner's tools and cache", async () => {
    const done = await run("test.yml", push);
    expect([done.jobs, /tested by root with CI=true/.test(done.log)]).toEqual([{ test: "success" }, true]);
    expect(await place.unreadable()).toEqual([]);
  });

  it("leaves no secret in a log", () => {
    expect(logs.length).toBeGreaterThan(8);
    expect(Object.values(secrets).filter((canary) => logs.some((log) => log.includes(canary)))).toEqual([]);
  });
});
